import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startNode } from '../support/cli.js'
import { clientV1, clientV2, clientV2Auto } from '../support/compare/clients.js'
import { transcriptOf } from '../support/compare/transcript.js'
import { alive, descendantsOf, inGroup } from '../support/processes.js'
import { scratch } from '../support/scratch.js'
import { fixture, fixtureScript, plainScript, programPath, told } from './programs/script.js'

const clients = [
  ['SDK v1', clientV1],
  ['SDK v2', clientV2],
  ['SDK v2 that looks for a newer era first', clientV2Auto],
] as const

describe.each(clients)('a client of %s', (_sdk, open) => {
  test.each([
    ['of 2025', []],
    ['of both eras', ['--modern']],
  ])('gets the same twice of the fixture %s', async (era, flags) => {
    const once = () => transcriptOf(open, fixture(...flags), fixtureScript)
    const [one, other] = await Promise.all([once(), once()])
    expect(other).toEqual(one)
    const isModern = era === 'of both eras' && open === clientV2Auto
    expect((one.server as unknown[])[3]).toBe(isModern)
    expect(one.asked).toHaveLength(3)
    expect(one.updated).toEqual(['memory://state'])
    expect(one.logged).toHaveLength(isModern ? 5 : 7)
    expect(one['progress of slow 0']).toMatchObject([[{ progress: 1 }, { progress: 2 }, { progress: 3 }]])
    expect(one['cancelled is told']).toEqual(isModern ? 1 : [expect.stringMatching(/enough of it/)])
    expect(one.twice).toEqual([])
  })
})

const [v1, v2, auto] = clients
describe.each([
  ['of SDK v1', [], fixtureScript, [v1, auto]],
  ['of SDK v1 that answers without streams', ['--json'], plainScript, [v1, v2]],
  ['of SDK v2', ['--sdk', '2'], fixtureScript, [v1, auto]],
  ['of SDK v2 without sessions', ['--modern'], fixtureScript, [auto]],
  ['of SDK v2 without sessions, for older clients', ['--modern'], plainScript, [v1, v2]],
] as const)('the fixture over HTTP, %s', (_kind, flags, script, clients) => {
  test.each<(typeof clients)[number]>([...clients])(
    'gives a client of %s the same twice',
    async (_sdk, open) => {
      const [, url = ''] = await startNode([programPath('stateful.mjs'), ...flags]).printed(
        /listens at (\S+)/,
      )
      const one = await transcriptOf(open, { url }, script)
      expect(await transcriptOf(open, { url }, script)).toEqual(one)
    },
  )
})

test('whether the fixture is reached over stdin and stdout or over HTTP is no difference', async () => {
  const [, url = ''] = await startNode([programPath('stateful.mjs')]).printed(/listens at (\S+)/)
  const [piped, overHttp] = await Promise.all([
    transcriptOf(clientV2, fixture(), fixtureScript),
    transcriptOf(clientV2, { url }, fixtureScript),
  ])
  expect(overHttp).toEqual(piped)
})

const initialize = {
  jsonrpc: '2.0',
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
}
const line = (message: object) => `${JSON.stringify(message)}\n`
const call = (name: string, args: object = {}, _meta?: object) =>
  line({ jsonrpc: '2.0', id: name, method: 'tools/call', params: { name, arguments: args, _meta } })

/** The fixture by hand: what is written to it, and what it has printed. */
function started(...flags: string[]) {
  const child = spawn(process.execPath, [programPath('echo.mjs'), ...flags], { detached: true })
  const group = child.pid ?? 0
  onTestFinished(() => {
    for (const { pid } of inGroup(group)) process.kill(pid, 'SIGKILL')
  })
  const output = { stdout: '', stderr: '' }
  child.stdin.on('error', () => {}) // what it does not read any more when it is killed
  child.stdout.setEncoding('utf8').on('data', (chunk) => (output.stdout += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk) => (output.stderr += chunk))
  const ended = new Promise<unknown[]>((resolve) => child.on('close', (...how) => resolve(how)))
  return { child, group, output, ended, write: (...lines: string[]) => child.stdin.write(lines.join('')) }
}

describe('the fixture does wrong as it is told', () => {
  test('it dies in a call, by a code or by a signal', async () => {
    const one = started()
    one.write(line(initialize), call('die', { code: 7 }))
    expect(await one.ended).toEqual([7, null])
    expect(one.output.stdout.trim().split('\n')).toHaveLength(1)

    const other = started()
    other.write(call('die', { signal: 'SIGKILL' }))
    expect(await other.ended).toEqual([null, 'SIGKILL'])
  })

  test('it prints what is no JSON, half a line, and lines of a size', async () => {
    const { write, output } = started()
    write(call('stdout-text'))
    await expect.poll(() => output.stdout.split('\n')).toHaveLength(3)
    expect(() => JSON.parse(output.stdout.split('\n')[0] ?? '')).toThrow(SyntaxError)

    output.stdout = ''
    write(call('big', { bytes: 12_345 }))
    await expect.poll(() => output.stdout).toHaveLength(12_346)
    expect(JSON.parse(output.stdout)).toMatchObject({ id: 'big' })

    output.stdout = ''
    write(call('half'))
    await expect.poll(() => output.stdout).toBe('{"jsonrpc":"2.0","id":')
  })

  test('it reads no more', async () => {
    const { write, output, child } = started()
    write(call('deaf'))
    await expect.poll(() => output.stdout).toContain('deaf from now on')
    const full = call('echo', { text: 'x'.repeat(1_000_000) })
    expect(child.stdin.write(full)).toBe(false)
    await expect.poll(() => child.stdin.writableLength).toBeGreaterThan(500_000)
    expect(child.exitCode).toBe(null)
  })

  test('it floods stderr', async () => {
    const { write, output } = started('--greet')
    await expect.poll(() => output.stderr).toBe('fixture: ready\n')
    write(call('flood-stderr', { bytes: 200_000, line: 50 }))
    await expect.poll(() => output.stdout).toContain('200000 bytes')
    await expect.poll(() => output.stderr.length).toBe('fixture: ready\n'.length + 200_000)
  })

  test('it hangs, tells that it was cancelled, and goes on with others', async () => {
    const { write, output } = started()
    write(
      call('hang', {}, { progressToken: 'token' }),
      line({ method: 'notifications/cancelled', params: { requestId: 'hang', reason: 'why' } }),
      call('told', { cancelled: 1 }),
    )
    await expect.poll(() => output.stdout.split('\n')).toHaveLength(3)
    const [progress, answer] = output.stdout.split('\n', 2).map((text) => JSON.parse(text))
    expect(progress).toMatchObject({ params: { progressToken: 'token' } })
    expect(told(answer.result)).toMatchObject({
      cancelled: ['why'],
      received: ['tools/call', 'notifications/cancelled', 'tools/call'],
    })
  })

  test('what it has forked outlives it, and is found by its group', async () => {
    const { write, output, child, group, ended } = started()
    write(call('fork', { apart: true }))
    await expect.poll(() => output.stdout).toContain('\n')
    const { pids } = told<{ pids: number[] }>(JSON.parse(output.stdout).result)
    const [usual = 0, deaf = 0, apart = 0] = pids
    onTestFinished(() => {
      for (const pid of alive(...pids)) process.kill(pid, 'SIGKILL')
    })
    expect(new Set(descendantsOf(group).map(({ pid }) => pid))).toEqual(new Set(pids))
    expect(new Set(inGroup(group).map(({ pid }) => pid))).toEqual(new Set([group, usual, deaf]))
    // A shell that has not come to its trap yet would end.
    await expect.poll(() => inGroup(group).find(({ pid }) => pid === deaf)?.command).toBe('sleep 600')

    child.stdin.end()
    await ended
    expect(new Set(alive(...pids))).toEqual(new Set(pids))
    process.kill(-group, 'SIGTERM')
    await expect.poll(() => new Set(alive(...pids))).toEqual(new Set([deaf, apart]))
    process.kill(-group, 'SIGKILL')
    await expect.poll(() => inGroup(group)).toEqual([])
    expect(alive(...pids)).toEqual([apart])
  })

  test('it shows the caller of a call, and what its environment says', async () => {
    const env = { MCP_MTLS_CALLER_ID: 'somebody', PATH: process.env.PATH ?? '' }
    const child = startNode([programPath('echo.mjs')], {
      env,
      stdin: call('whoami', {}, { 'mcp-mtls/caller': { id: 'client' }, other: 1, progressToken: 1 }),
    })
    const { stdout } = await child.finished
    expect(told(JSON.parse(stdout).result)).toEqual({
      caller: { id: 'client' },
      meta: ['mcp-mtls/caller', 'other'],
      headers: null,
      env: { MCP_MTLS_CALLER_ID: 'somebody' },
    })
  })

  test('it ends at once, the first times or always, and counts its starts', async () => {
    const starts = join(scratch(), 'starts')
    const flags = ['--starts', starts, '--die-first', '2']
    for (const _ of [1, 2]) expect(await started(...flags).ended).toEqual([3, null])
    const { write, output } = started(...flags)
    write(line(initialize))
    await expect.poll(() => output.stdout).toContain('"serverInfo"')
    expect(readFileSync(starts, 'utf8').trim().split('\n')).toHaveLength(3)
    expect(await started('--die-at-start').ended).toEqual([3, null])
  })

  test('it is late, or never answers the first request', async () => {
    const begun = performance.now()
    const late = started('--start-delay', '300')
    late.write(line(initialize))
    await expect.poll(() => late.output.stdout).toContain('"serverInfo"')
    expect(performance.now() - begun).toBeGreaterThan(300)

    const never = started('--never')
    never.write(line(initialize), call('echo', { text: 'hello' }))
    await expect.poll(() => never.output.stdout).toContain('hello')
    expect(never.output.stdout).not.toContain('"serverInfo"')
  })

  test('it goes on when stdin has ended, and after SIGTERM', async () => {
    const { child, write, output, ended } = started('--ignore-eof', '--ignore-term', '--greet')
    await expect.poll(() => output.stderr).toBe('fixture: ready\n')
    write(call('slow', { ms: 100 }))
    child.stdin.end()
    child.kill('SIGTERM')
    await expect.poll(() => output.stdout).toContain('took its time')
    expect(child.exitCode).toBe(null)
    child.kill('SIGKILL')
    expect(await ended).toEqual([null, 'SIGKILL'])
  })
})
