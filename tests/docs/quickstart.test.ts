import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { bin } from '../support/cli.js'
import { freePort } from '../support/free-port.js'
import { scratch } from '../support/scratch.js'

// The page as it is written, in an empty directory. `npx` is the built binary, and ports are free ones.

const page = readFileSync(new URL('../../docs/quickstart.md', import.meta.url), 'utf8')

interface Typed {
  readonly command: string
  /** The lines that the page shows below it. */
  readonly shown: readonly string[]
}

const typed: readonly Typed[] = [...page.matchAll(/^```console\n([\s\S]*?)^```/gm)].flatMap(
  ([, block = '']) =>
    block.split(/^\$ /m).flatMap((part) => {
      const [command = '', ...shown] = part.trimEnd().split('\n')
      return command === '' ? [] : [{ command, shown }]
    }),
)

/** What differs between two runs or two machines, and what may stand in its place. */
const changing: readonly (readonly [example: RegExp, pattern: string])[] = [
  [/…/, '.*'],
  [/CA [0-9a-f]{6}/, 'CA [0-9a-f]{6}'],
  [/ERR_[\w/]+/, 'ERR_[\\w/]+'],
  [/-?\d+(\.\d)? °C in Oslo.*/, '-?\\d+(\\.\\d)? °C in Oslo.*'],
  [/is \w+day, \d+ \w+ \d+ at/, 'is \\w+day, \\d+ \\w+ \\d+ at'],
  [/localhost is .*/, 'localhost is .*'],
  [/, X25519/, '(, X25519\\w*)?'],
  [/\d+/, '\\d+'],
  [/ +/, ' +'],
]
const anyOf = new RegExp(changing.map(([{ source }]) => source).join('|'), 'g')

/** A line of the page as the pattern of what is printed. */
function patternOf(line: string): RegExp {
  const fixed = (text: string) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  let pattern = ''
  let end = 0
  for (const { 0: found, index } of line.matchAll(anyOf)) {
    const [, wild = ''] = changing.find(([example]) => example.exec(found)?.[0] === found) ?? []
    pattern += fixed(line.slice(end, index)) + wild
    end = index + found.length
  }
  return new RegExp(`^${pattern}${fixed(line.slice(end))}$`)
}

test('every command of the quickstart prints what the page says', async () => {
  const cwd = scratch()
  mkdirSync(join(cwd, 'bin'))
  writeFileSync(join(cwd, 'bin/npx'), `#!/bin/sh\nshift\nexec '${process.execPath}' '${bin}' "$@"\n`)
  chmodSync(join(cwd, 'bin/npx'), 0o755)
  const ports = new Map<string, number>()
  for (const port of ['8443', '8444', '8445', '9445']) ports.set(port, await freePort())
  const env = {
    PATH: `${join(cwd, 'bin')}:${process.env.PATH}`,
    HOME: cwd,
    WEATHER_MCP_TLS_PORT: String(ports.get('8443')),
    DATETIME_MCP_TLS_PORT: String(ports.get('8444')),
    ECHO_MCP_TLS_PORT: String(ports.get('8445')),
    WEATHER_PROVIDER: 'simulated',
    HANDSHAKE_TIMEOUT: '1s',
  }
  const free = (command: string) =>
    [...ports].reduce((all, [port, other]) => all.replaceAll(port, String(other)), command)

  expect(typed.length).toBeGreaterThan(15)
  for (const { command, shown } of typed) {
    const serving = command.includes(' serve ')
    const line = free(serving ? `exec ${command}` : `{ ${command}; } 2>&1`)
    const child = spawn('sh', ['-c', line], { cwd, env })
    onTestFinished(() => void child.kill('SIGKILL'))
    const printed = serving ? await lines(child.stdout, shown.length) : await text(child.stdout)
    const found = printed.trimEnd().split('\n')
    const expected = shown.length === 0 ? [''] : shown
    expect({ command, found }).toEqual({
      command,
      found: expected.map((text) => expect.stringMatching(patternOf(text))),
    })
  }
}, 90_000)

/** The first lines of something that goes on. */
async function lines(stream: AsyncIterable<Buffer>, wanted: number): Promise<string> {
  let printed = ''
  for await (const chunk of stream) {
    printed += chunk
    if (printed.split('\n').length > wanted) break
  }
  return printed
}

test('its links lead somewhere', () => {
  const docs = new URL('../../docs/', import.meta.url)
  for (const name of ['quickstart.md', 'tls-troubleshooting.md'])
    for (const [, target = ''] of readFileSync(new URL(name, docs), 'utf8').matchAll(/\]\(([^)#]+)[^)]*\)/g))
      expect(readFileSync(new URL(target, docs), 'utf8')).not.toBe('')
})
