import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { bin } from '../support/cli.js'
import { freePort } from '../support/free-port.js'
import { scratch } from '../support/scratch.js'

// Types what docs/operations.md shows. `npx vitest run tests/docs -u` writes anew what the commands print.

const path = new URL('../../docs/operations.md', import.meta.url)

/** A directory with `npx`, which runs this checkout, and `rsync`, to which the machines are directories side by side. */
function tools(machines: string): string {
  const directory = join(machines, 'bin')
  const write = (name: string, text: string) => {
    writeFileSync(join(directory, name), `#!/bin/sh\n${text}\n`)
    chmodSync(join(directory, name), 0o755)
  }
  mkdirSync(directory)
  write('npx', `shift; exec "${process.execPath}" "${bin}" "$@"`)
  write(
    'rsync',
    `while [ $# -gt 2 ]; do shift; done
target="${machines}/\${2%%:*}/\${2#*:}"
mkdir -p "$target" && cp -Lp "$1"*.* "$target"`,
  )
  return directory
}

/** What two runs have in common. */
function constant(output: string): string {
  return output
    .replace(/\b[0-9a-f]{32}\b/g, 'SERIAL')
    .replace(/mcp-mtls CA [0-9a-f]{6}/g, 'mcp-mtls CA …')
    .replace(/\d{4}-\d\d-\d\d/g, 'DATE')
    .replace(/localhost:\d+/g, 'localhost:PORT')
    .replace(/\b\d+ days/g, 'DAYS')
    .replace(/ +/g, ' ')
}

class Machines {
  readonly #directory = scratch()
  readonly #env: Record<string, string>

  constructor(port: number) {
    const path = `${tools(this.#directory)}:${process.env.PATH}`
    const url = `https://localhost:${port}/mcp`
    this.#env = { PATH: path, ECHO_MCP_TLS_PORT: String(port), MCP_ECHO_URL: url }
  }

  /** Gives what is printed; a command that goes on, until its first lines are there. */
  async type(machine: string, command: string): Promise<string> {
    const goesOn = command.endsWith(' &')
    const cwd = join(this.#directory, machine)
    mkdirSync(cwd, { recursive: true })
    const before = this.#reloads()
    const line = goesOn ? `exec ${command.slice(0, -2)}` : command
    const child = spawn(
      'sh',
      ['-c', `{ ${line}; } 2>&1`.replace(/^\{ exec (.*2>log); \} 2>&1$/, 'exec $1')],
      {
        cwd,
        env: this.#env,
      },
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (chunk) => (output += chunk))
    const closed = once(child, 'close')
    if (!goesOn) await closed
    else await expect.poll(() => output, { timeout: 10_000 }).toMatch(/\n$/)
    if (command.includes('--daemon')) {
      child.kill('SIGTERM')
      expect((await closed)[0]).toBe(0)
    }
    // The server takes up what was copied by itself; whoever asks next wants it to have done so.
    if (/rsync.*weather:/.test(command) && before !== undefined)
      await expect.poll(() => this.#reloads(), { timeout: 10_000, message: output }).toBeGreaterThan(before)
    return output
  }

  #reloads(): number | undefined {
    const log = join(this.#directory, 'weather', 'log')
    return existsSync(log) ? readFileSync(log, 'utf8').split('reload-succeeded').length : undefined
  }
}

test('docs/operations.md shows commands that print what it shows', async () => {
  const machines = new Machines(await freePort())
  const parts = readFileSync(path, 'utf8').split(/(?<=^```console\n)([\s\S]*?)(?=^```$)/m)
  for (const [index, block] of parts.entries()) {
    if (index % 2 === 0) continue
    const shown = block.split(/^(\S+)\$ (.*)\n/m).slice(1)
    let text = ''
    for (let at = 0; at < shown.length; at += 3) {
      const [machine = '', command = '', output = ''] = shown.slice(at, at + 3)
      const actual = (await machines.type(machine, command)).trim().replaceAll('\n\n', '\n')
      const printed = actual === '' ? '' : `${actual}\n`
      text += `${machine}$ ${command}\n${constant(printed) === constant(output) ? output : printed}`
    }
    parts[index] = text
  }
  await expect(parts.join('')).toMatchFileSnapshot('../../docs/operations.md')
}, 120_000)
