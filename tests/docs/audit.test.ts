import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { expect, test } from 'vitest'
import { endedCall, linesIn, openRecord } from '../support/audited.js'
import { bin } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

const page = readFileSync(new URL('../../docs/audit.md', import.meta.url), 'utf8')
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(
    ([, code = '']) => code,
  )

/** A directory with a record, and `mcp-mtls` on the path of its shell. */
async function withRecord() {
  const cwd = scratch()
  const programs = join(cwd, 'bin')
  mkdirSync(programs)
  symlinkSync(process.execPath, join(programs, 'node'))
  writeFileSync(join(programs, 'mcp-mtls'), `#!/bin/sh\nexec node '${bin}' "$@"\n`)
  chmodSync(join(programs, 'mcp-mtls'), 0o755)
  mkdirSync(join(cwd, 'kept'))
  const { audit, path } = await openRecord({ sink: join(cwd, 'audit.jsonl') })
  audit.record(endedCall())
  audit.record(endedCall({}, { decision: 'denied', outcome: 'denied', error: 'NOT_AUTHORIZED' }))
  audit.record(endedCall({}, { outcome: 'tool_error' }))
  await audit.close()
  const env = { PATH: `${programs}${delimiter}${process.env.PATH}` }
  const shell = (command: string) => {
    const { status, stdout, stderr } = spawnSync('sh', ['-c', command], { cwd, env, encoding: 'utf8' })
    return { exitCode: status, stdout, stderr }
  }
  return { path, shell }
}

test('its commands do what they say, on a record that is whole', async () => {
  const { shell } = await withRecord()
  const commands = blocks('sh')
    .flatMap((block) => block.trimEnd().split('\n'))
    .filter((command) => !command.startsWith('mcp-mtls serve '))
  const kept = (command: string) => Number(/^(?:grep|cp) /.test(command))
  expect(commands.filter(kept)).toHaveLength(2)
  expect(commands.length).toBeGreaterThanOrEqual(10)
  for (const command of commands.toSorted((a, b) => kept(b) - kept(a))) {
    const { exitCode, stderr } = shell(command)
    expect({ command, exitCode, stderr: stderr.replace(/^note: .*\n/gm, '') }).toEqual({
      command,
      exitCode: 0,
      stderr: '',
    })
  }
})

test('the JSON that it shows is what the commands print', async () => {
  const { path, shell } = await withRecord()
  const [summary = '', verification = ''] = blocks('json')
  expect(JSON.parse(shell('mcp-mtls audit summary ./audit.jsonl --json').stdout)).toEqual(JSON.parse(summary))
  const found = JSON.parse(shell('mcp-mtls audit verify ./audit.jsonl --json').stdout)
  const { verifier } = found.key
  expect(verifier).toBe(linesIn(path)[0]?.key)
  const shown = JSON.parse(
    verification.replaceAll('/var/log/mcp/audit.jsonl', path).replace('mcp-mtls.audit/…', verifier),
  )
  expect(found).toEqual(shown)
})

test('its table has the fields of a line, and the flags that it names are flags of the command', async () => {
  const { path, shell } = await withRecord()
  const [, call] = linesIn(path)
  for (const field of Object.keys(call ?? {})) expect(page).toMatch(new RegExp(`^\\|.*\`${field}\``, 'm'))
  for (const [command, flags] of [
    ['show', ['--identity', '--tool', '--denied', '--since', '--follow', '--json']],
    ['verify', ['--key', '--checkpoint', '--json']],
  ] as const) {
    const { stdout } = shell(`mcp-mtls audit ${command} --help`)
    for (const flag of flags) {
      expect(stdout).toContain(`  ${flag}`)
      expect(page).toContain(flag)
    }
  }
})

test('a code of a problem is explained', async () => {
  const { path, shell } = await withRecord()
  const lines = readFileSync(path, 'utf8').split('\n')
  const broken = {
    removed: [...lines.slice(0, 2), ...lines.slice(3)],
    added: [...lines.slice(0, 3), ...lines.slice(1)],
    malformed: ['x', ...lines],
    truncated: lines.slice(0, 3),
    changed: lines.map((line) => line.replace('tool_error', 'ok')),
    signature: lines.map((line) => line.replace(/(mcp-mtls\.audit\/\w+) \w{4}/, '$1 AAAA')),
  }
  for (const [code, content] of Object.entries(broken)) {
    writeFileSync(path, content.join('\n') + (code === 'truncated' ? '\n{' : ''))
    const { exitCode, stdout } = shell('mcp-mtls audit verify ./audit.jsonl --json')
    const codes = JSON.parse(stdout).problems.map((problem: { code: string }) => problem.code)
    expect({ code, exitCode, codes }).toMatchObject({ exitCode: 1, codes: expect.arrayContaining([code]) })
    expect(page).toMatch(new RegExp(`^\\|.*\`${code}\``, 'm'))
  }
})
