import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { PassThrough } from 'node:stream'
import { beforeEach, describe, expect, test } from 'vitest'
import { run } from '../../src/cli/program.js'
import { endedCall, linesIn, openRecord, reporting } from '../support/audited.js'
import { runCli, startCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

const billing = Object.freeze({ ...reporting, id: 'dns:billing.example.com' })

let path: string
let cwd: string
beforeEach(async () => {
  const { audit, ...record } = await openRecord()
  path = record.path
  cwd = dirname(path)
  const pays = (name: string) => ({ caller: billing, target: { kind: 'tool', name } as const })
  audit.record(endedCall())
  audit.record(endedCall(pays('pay'), { decision: 'denied', outcome: 'denied', error: 'NOT_AUTHORIZED' }))
  audit.record(endedCall(pays('pay'), { decision: 'limited', outcome: 'limited' }))
  audit.record(endedCall(pays('list'), { outcome: 'tool_error' }))
  audit.record(endedCall(pays('refund'), { decision: 'denied', outcome: 'ok', report: true }))
  audit.refused('192.0.2.1', 'CERT_EXPIRED')
  audit.refused('192.0.2.1', 'CERT_EXPIRED')
  await audit.close()
})

const audit = (...args: string[]) => runCli(['audit', ...args], { cwd })
const parsedLines = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))

/** What a command prints on a terminal of so many columns. */
async function onTerminal(columns: number, ...args: string[]): Promise<string> {
  const stdout = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true, columns })
  const io = {
    stdout,
    stderr: new PassThrough(),
    stdin: process.stdin,
    env: { NO_COLOR: '1' },
    cwd,
    exitCode: 0,
  }
  await run(['audit', ...args], io)
  return stdout.read() ?? ''
}

describe.each(['show', 'summary', 'verify'])('audit %s', (name) => {
  test('has help with examples and exit codes', async () => {
    const { exitCode, stdout } = await audit(name, '--help')
    expect(exitCode).toBe(0)
    expect(stdout).toContain(`$ mcp-mtls audit ${name} ./audit.jsonl`)
    expect(stdout).toContain('Exit codes: ')
    expect(stdout).toContain('--json')
  })

  test.each([
    ['a file that is not there', (directory: string) => join(directory, 'nowhere'), 'does not exist'],
    ['a directory', (directory: string) => directory, 'is a directory'],
    ['a device', () => '/dev/zero', 'is not a file'],
  ])('%s is an error', async (_what, file, message) => {
    const { exitCode, stdout, stderr } = await audit(name, path, file(scratch()), '--json')
    expect(exitCode).toBe(64)
    expect(stderr).toMatch(/^error: CONFIG_INVALID: .*\nhint: /m)
    expect(JSON.parse(stdout).error.message).toContain(message)
  })

  test('a file of which no line is of a record ends with 1; nothing is proven of an empty one either', async () => {
    const other = join(scratch(), 'policy.yaml')
    fs.writeFileSync(other, '')
    expect((await audit(name, other)).exitCode).toBe(name === 'verify' ? 1 : 0)
    fs.writeFileSync(other, 'rules: []\n')
    const { exitCode, stdout, stderr } = await audit(name, other)
    expect(exitCode).toBe(1)
    expect(stdout + stderr).toMatch(name === 'verify' ? /malformed/ : /policy\.yaml is not a record/)
    expect(stderr).not.toContain('no line of the record is like that')
  })

  test('without a file, and with an unknown flag, it is bad usage', async () => {
    for (const args of [[], [path, '--no-such-flag']]) {
      const { exitCode, stdout, stderr } = await audit(name, ...args)
      expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: '' })
      expect(stderr).toMatch(/^error: CONFIG_INVALID/)
    }
  })
})

test('audit alone, and with another word, is bad usage', async () => {
  expect(await audit()).toMatchObject({ exitCode: 64, stdout: '' })
  expect((await audit('verfy', path)).stderr).toContain('Did you mean verify?')
})

describe('audit show', () => {
  test('prints a table', async () => {
    const { exitCode, stdout, stderr } = await audit('show', 'audit.jsonl')
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    const [head, opened, ...rows] = stdout.split('\n')
    expect(head).toMatch(/^TIME \(UTC\) +RESULT +MS +CALL +CALLER$/)
    expect(opened).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}opened$/)
    const told = rows.map((row) => row.slice(21).replace(/ +/g, ' '))
    expect(told.slice(0, 5)).toEqual([
      'ok 12.3 weather-mcp getTemperature spiffe://demo.local/agent/reporting',
      'denied 12.3 weather-mcp pay dns:billing.example.com',
      'limited 12.3 weather-mcp pay dns:billing.example.com',
      'tool_error 12.3 weather-mcp list dns:billing.example.com',
      'would deny 12.3 weather-mcp refund dns:billing.example.com',
    ])
    expect(told).toContain('refused CERT_EXPIRED ×2 192.0.2.1')
    expect(told).toContain('checkpoint')
  })

  test.each([72, 80, 100, 200])('fits a terminal of %i columns', async (columns) => {
    const shown = await onTerminal(columns, 'show', path)
    for (const line of shown.split('\n')) expect(line.length).toBeLessThanOrEqual(columns)
    expect(shown).toMatch(/getTem.*spi.*ing$/m)
    if (columns >= 80) expect(shown).toMatch(/ getTemperature .*reporting$/m)
  })

  test('with --json prints the lines themselves, byte by byte', async () => {
    const target = { kind: 'resource', uri: 'https://user:secret@example.org/?token=abc\u202e' } as const
    const { audit: open, path: other } = await openRecord()
    open.record(endedCall({ target, method: 'resources/read' }))
    await open.close()
    const { exitCode, stdout } = await audit('show', other, '--json')
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: fs.readFileSync(other, 'utf8') })
    const table = await audit('show', other)
    expect(table.stdout).not.toMatch(/secret|abc|\u202e/)
  })

  test('prints what is asked for', async () => {
    const tools = async (...flags: string[]) => {
      const { exitCode, stdout } = await audit('show', path, '--json', ...flags)
      expect(exitCode).toBe(0)
      return parsedLines(stdout).map(({ tool }) => tool)
    }
    expect(await tools('--denied')).toEqual(['pay', 'refund'])
    expect(await tools('--tool', 'pay')).toEqual(['pay', 'pay'])
    expect(await tools('--tool', 'pay', '--denied')).toEqual(['pay'])
    expect(await tools('--identity', reporting.id)).toEqual(['getTemperature'])
    expect(await tools('--since', '1h', '--identity', billing.id)).toHaveLength(4)
    expect(await tools('--since', '2999-01-01')).toEqual([])
    const none = await audit('show', path, '--tool', 'nothing')
    expect(none).toMatchObject({ exitCode: 0, stdout: '', stderr: expect.stringMatching(/^note: /) })
    const unclear = await audit('show', path, '--since', 'yesterday')
    expect(unclear).toMatchObject({ exitCode: 64, stderr: expect.stringContaining('"yesterday" is no time') })
  })

  test('what somebody wrote into a line stays in it', async () => {
    const hostile = '\u001b[2J\nFORGED\u202e'
    const forged = {
      time: hostile,
      seq: 1,
      event: 'call',
      decision: 'allowed',
      outcome: hostile,
      tool: hostile,
    }
    const other = join(cwd, 'other')
    const line = { ...forged, identity: hostile, method: {}, duration_ms: hostile, prev: '0'.repeat(64) }
    fs.writeFileSync(other, `${JSON.stringify(line)}\n`)
    for (const command of ['show', 'summary', 'verify'])
      for (const flags of [[], ['--json']]) {
        const { stdout, stderr } = await audit(command, other, ...flags)
        expect(stdout + stderr).not.toMatch(/^FORGED|\u202e/m)
        expect((stdout + stderr).replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
      }
  })

  test('an empty file has no lines', async () => {
    fs.writeFileSync(join(cwd, 'empty'), '')
    expect(await audit('show', 'empty')).toMatchObject({ exitCode: 0, stdout: '' })
    const { exitCode, stdout } = await audit('summary', 'empty', '--json')
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toEqual({ calls: 0, refused_connections: 0, callers: [] })
    expect((await audit('summary', 'empty')).stdout).toBe('0 calls by 0 callers, 0 refused connections\n')
  })

  test('--follow misses no line while files are full and replaced, and ends with a signal', async () => {
    const { audit: open, path: followed } = await openRecord({ maxBytes: 4096 })
    const { printed, process: child, finished } = startCli(['audit', 'show', followed, '--follow', '--json'])
    await printed(/"opened"/)
    for (let number = 1; number <= 200; number++) open.record(endedCall({}, { requestId: `r${number}` }))
    await open.drain()
    await printed(/"r200"/)
    child.kill('SIGINT')
    const { exitCode, stdout, stderr } = await finished
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    const seen = parsedLines(stdout)
    expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_line, index) => index + 1))
    expect(seen.filter(({ event }) => event === 'call')).toHaveLength(200)
    expect(fs.readdirSync(dirname(followed)).length).toBeGreaterThan(10)
  })
})

describe('a long record', () => {
  /** Takes many seconds to read, and no room on the disk. */
  const lengthen = (size: number) => fs.truncateSync(path, size)

  test('an interrupt ends the reading', async () => {
    lengthen(30 * 1024 ** 3)
    const { printed, process: child, finished } = startCli(['audit', 'show', path, '--json'])
    await printed(/"opened"/)
    child.kill('SIGINT')
    expect(await finished).toMatchObject({ exitCode: 130, stderr: '' })
  })

  test('a terminal sees how far it is, and nothing of it at the end', async () => {
    lengthen(65 * 1024 ** 2)
    const stderr = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true })
    const stdout = new PassThrough({ encoding: 'utf8' })
    await run(['audit', 'summary', path], { stdout, stderr, stdin: process.stdin, env: {}, cwd, exitCode: 0 })
    const told: string = stderr.read()
    expect(told).toMatch(/ 50 % {2}reading/)
    expect(told.endsWith('\r\u001b[K')).toBe(true)
    expect(stdout.read()).toContain('5 calls')
  })
})

describe('audit summary', () => {
  test('prints a table and JSON', async () => {
    const { exitCode, stdout, stderr } = await audit('summary', path)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout.replace(/ +/g, ' ')).toBe(
      [
        'CALLER CALLS ALLOWED DENIED LIMITED FAILED P50 P99',
        'dns:billing.example.com 4 1 2 1 1 12.3 12.3',
        ' list, pay, refund',
        'spiffe://demo.local/agent/reporting 1 1 0 0 0 12.3 12.3',
        ' getTemperature',
        '5 calls by 2 callers, 2 refused connections',
        '',
      ].join('\n'),
    )
    const found = JSON.parse((await audit('summary', path, path, '--json')).stdout)
    expect(found).toMatchObject({ calls: 5, refused_connections: 2 })
    expect(Object.keys(found.callers[0])).toEqual([
      'identity',
      'calls',
      'allowed',
      'denied',
      'limited',
      'failed',
      'p50_ms',
      'p99_ms',
      'tools',
    ])
  })

  test('fits a terminal', async () => {
    const shown = await onTerminal(80, 'summary', path)
    for (const line of shown.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
    expect(shown).toMatch(/^spiffe:.*…/m)
  })
})

describe('audit verify', () => {
  test('says that a record is whole, and what that does not mean', async () => {
    const { exitCode, stdout, stderr } = await audit('verify', 'audit.jsonl')
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(
      /^✓ the record is whole\n {2}8 lines in 1 file, 1 checkpoint, 0 unproven\n {2}key mcp-mtls\.audit\/\S+ \(from audit\.jsonl\.pub\)\n$/,
    )
    expect(stderr).toContain('note: the key was taken from beside the record')
    expect(stderr).toContain('cut back to an older checkpoint')
  })

  test('prints JSON', async () => {
    const files = fs.readdirSync(cwd)
    expect(files).toContain('audit.jsonl.key')
    const { exitCode, stdout, stderr } = await audit('verify', ...files, '--json')
    expect(exitCode).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      ok: true,
      files: [path],
      lines: 8,
      first_seq: 1,
      checkpoints: 1,
      unproven_lines: 0,
      key: { from: 'beside', file: `${path}.pub`, verifier: expect.stringMatching(/^mcp-mtls\.audit\//) },
      problems: [],
    })
    expect(stderr).toContain('note: ')
  })

  test('takes the key as a file, or as text', async () => {
    fs.renameSync(`${path}.pub`, join(cwd, 'kept'))
    const alone = await audit('verify', path)
    expect(alone).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('! the lines fit together') })
    const { stdout } = await audit('verify', path, '--key', 'kept', '--json')
    const { key, ok } = JSON.parse(stdout)
    expect({ key, ok }).toMatchObject({ ok: true, key: { from: 'given', file: null } })
    const byText = await audit('verify', path, '--key', key.verifier)
    expect(byText).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^✓.*\n.*\n.*\(given\)\n$/) })
    expect(byText.stderr).not.toContain('beside the record')
    for (const wrong of ['nowhere', '.', 'audit.jsonl'])
      expect(await audit('verify', path, '--key', wrong)).toMatchObject({
        exitCode: 64,
        stderr: expect.stringMatching(/^error: CONFIG_INVALID/),
      })
  })

  test('takes a checkpoint as a file or text, and finds that the record was cut back', async () => {
    const [checkpoint] = linesIn(path).filter(({ event }) => event === 'checkpoint')
    const line = JSON.stringify(checkpoint)
    fs.writeFileSync(join(cwd, 'line'), `${line}\n`)
    fs.writeFileSync(join(cwd, 'lines'), `{"older":1}\n${line}\n`)
    fs.writeFileSync(join(cwd, 'note'), String(checkpoint?.note))
    const ways = ['line', 'lines', 'note', line, String(checkpoint?.note)]
    for (const way of ways) expect((await audit('verify', path, '--checkpoint', way)).exitCode).toBe(0)
    const lines = fs.readFileSync(path, 'utf8').split('\n')
    fs.writeFileSync(path, `${lines.slice(0, 3).join('\n')}\n`)
    expect((await audit('verify', path)).exitCode).toBe(0)
    for (const way of ways) {
      const { exitCode, stdout } = await audit('verify', path, '--checkpoint', way, '--json')
      expect(exitCode).toBe(1)
      expect(JSON.parse(stdout).problems).toMatchObject([{ file: path, code: 'truncated' }])
    }
  })

  test('a line that was changed is named', async () => {
    fs.writeFileSync(path, fs.readFileSync(path, 'utf8').replace('"tool":"list"', '"tool":"rob"'))
    const { exitCode, stdout } = await audit('verify', path)
    expect(exitCode).toBe(1)
    expect(stdout).toMatch(
      /^audit\.jsonl:5: changed: line 5 .*\n✗ the record was changed or is damaged: 1 problem\n/,
    )
    const { ok, problems } = JSON.parse((await audit('verify', path, '--json')).stdout)
    expect({ ok, problems }).toEqual({
      ok: false,
      problems: [{ file: path, line: 5, code: 'changed', message: expect.any(String) }],
    })
  })

  test('an empty file is a problem, and many problems are counted', async () => {
    const empty = join(cwd, 'empty')
    fs.writeFileSync(empty, '')
    const { exitCode, stdout } = await audit('verify', empty)
    expect({ exitCode, stdout }).toMatchObject({
      exitCode: 1,
      stdout: expect.stringContaining('empty:1: truncated: the file is empty'),
    })
    fs.appendFileSync(path, 'nothing\n'.repeat(99))
    const many = (await audit('verify', path)).stdout
    expect(many.match(/: malformed: /g)).toHaveLength(50)
    expect(many).toContain('… and 49 more')
  })

  test('all files of a record are one, in any order', async () => {
    const { audit: open, path: last } = await openRecord({ maxBytes: 4096 })
    for (let number = 0; number < 30; number++) open.record(endedCall())
    await open.close()
    const directory = dirname(last)
    const named = fs
      .readdirSync(directory)
      .toReversed()
      .map((name) => join(directory, name))
    const { exitCode, stdout } = await audit('verify', ...named, '--json')
    expect(exitCode).toBe(0)
    const { files, lines } = JSON.parse(stdout)
    expect(files.length).toBeGreaterThan(2)
    expect(basename(files.at(-1))).toBe('audit.jsonl')
    const summed = JSON.parse((await audit('summary', ...named, '--json')).stdout)
    expect(summed.calls).toBe(30)
    expect(lines).toBeGreaterThan(30)
  })
})
