import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openAudit, type ShownLine, showAudit, summarizeAudit } from '../../src/audit/index.js'
import { endedCall, openRecord, reporting } from '../support/audited.js'
import { scratch } from '../support/scratch.js'

const billing = Object.freeze({ ...reporting, id: 'dns:billing.example.com' })

/** Two callers, one of them denied, limited and failing. */
async function record(): Promise<string> {
  const { audit, path } = await openRecord()
  for (let number = 1; number <= 100; number++) audit.record(endedCall({}, { durationMs: number }))
  const tool = (name: string) => ({ caller: billing, target: { kind: 'tool', name } as const })
  audit.record(endedCall(tool('pay'), { decision: 'denied', outcome: 'denied', durationMs: 0.1 }))
  audit.record(endedCall(tool('pay'), { decision: 'limited', outcome: 'limited', durationMs: 0.1 }))
  audit.record(endedCall(tool('list'), { outcome: 'tool_error', durationMs: 5 }))
  audit.record(endedCall(tool('list'), { outcome: 'aborted', durationMs: 7 }))
  audit.record(
    endedCall({ caller: undefined, target: { kind: 'method' }, method: 'tools/list' }, { durationMs: 1 }),
  )
  for (let number = 0; number < 7; number++) audit.refused('192.0.2.1', 'CERT_EXPIRED')
  audit.refused('192.0.2.2', 'CERT_EXPIRED')
  await audit.close()
  return path
}

async function all(lines: AsyncIterable<ShownLine>): Promise<Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = []
  for await (const { text } of lines) found.push(JSON.parse(text))
  return found
}

test('a summary counts the calls of each caller', async () => {
  expect(await summarizeAudit([await record()])).toEqual({
    calls: 105,
    refused_connections: 8,
    callers: [
      {
        identity: reporting.id,
        calls: 100,
        allowed: 100,
        denied: 0,
        limited: 0,
        failed: 0,
        p50_ms: 50,
        p99_ms: 99,
        tools: ['getTemperature'],
      },
      {
        identity: billing.id,
        calls: 4,
        allowed: 2,
        denied: 1,
        limited: 1,
        failed: 1,
        p50_ms: 5,
        p99_ms: 7,
        tools: ['list', 'pay'],
      },
      {
        identity: null,
        calls: 1,
        allowed: 1,
        denied: 0,
        limited: 0,
        failed: 0,
        p50_ms: 1,
        p99_ms: 1,
        tools: [],
      },
    ],
  })
})

test('lines are shown as they stand there, or those that are asked for', async () => {
  const path = await record()
  const lines: string[] = []
  for await (const line of showAudit({ files: [path] })) lines.push(line.text)
  expect(`${lines.join('\n')}\n`).toBe(fs.readFileSync(path, 'utf8'))
  const count = async (filter: object) => (await all(showAudit({ files: [path], ...filter }))).length
  expect(await count({ identity: billing.id })).toBe(4)
  expect(await count({ tool: 'pay' })).toBe(2)
  expect(await count({ denied: true })).toBe(1)
  expect(await count({ identity: billing.id, tool: 'list', denied: true })).toBe(0)
  expect(await count({ since: new Date(Date.now() + 60_000) })).toBe(0)
  expect(await count({ since: new Date(Date.now() - 600_000), tool: 'pay' })).toBe(2)
})

test('what is no line of a record is left out, and control characters are shown as such', async () => {
  const path = join(scratch(), 'audit.jsonl')
  const line = `{"time":"","seq":1,"event":"x\u202e","prev":"${'0'.repeat(64)}"}`
  fs.writeFileSync(path, `nothing\n${line}\n{"torn`)
  const lines: string[] = []
  for await (const { text } of showAudit({ files: [path] })) lines.push(text)
  expect(lines).toEqual([line.replace('\u202e', '\\u202e')])
})

test('lines that come are followed, into the next file too', async () => {
  const { audit, path } = await openRecord({ maxBytes: 4096 })
  const ended = new AbortController()
  const seen: unknown[] = []
  const following = (async () => {
    for await (const line of showAudit({
      files: [path],
      tool: 'getTemperature',
      follow: true,
      signal: ended.signal,
    }))
      seen.push(line.record.request_id)
  })()
  for (let number = 0; number < 10; number++) {
    audit.record(endedCall({}, { requestId: String(number) }))
    await expect.poll(() => seen.length).toBe(number + 1)
  }
  ended.abort()
  await following
  expect(seen).toEqual(Array.from({ length: 10 }, (_, number) => String(number)))
  expect(fs.readdirSync(join(path, '..')).length).toBeGreaterThan(4)
})

/** The numbers of the lines that are followed, as they come. */
function followed(path: string): number[] {
  const seen: number[] = []
  const ended = new AbortController()
  const following = (async () => {
    for await (const { record } of showAudit({ files: [path], follow: true, signal: ended.signal }))
      seen.push(record.seq)
  })()
  onTestFinished(async () => {
    ended.abort()
    await following
  })
  return seen
}

/** Lines with these numbers, which nothing binds. */
function numbered(...numbers: number[]): string {
  return numbers.map((seq) => `{"time":"","seq":${seq},"event":"call","prev":"${'0'.repeat(64)}"}\n`).join('')
}

test('a file that was moved away is followed until the one in its place has lines', async () => {
  const path = join(scratch(), 'audit.jsonl')
  fs.writeFileSync(path, numbered(1))
  const seen = followed(path)
  await expect.poll(() => seen).toEqual([1])
  fs.renameSync(path, `${path}.1`)
  fs.writeFileSync(path, '')
  fs.appendFileSync(`${path}.1`, numbered(2))
  await expect.poll(() => seen).toEqual([1, 2])
  fs.appendFileSync(`${path}.1`, numbered(3))
  fs.appendFileSync(path, numbered(4))
  await expect.poll(() => seen).toEqual([1, 2, 3, 4])
})

test('half a line is awaited, and a file that was cut is read anew', async () => {
  const path = join(scratch(), 'audit.jsonl')
  const [first, second] = [numbered(1), numbered(2)]
  fs.writeFileSync(path, first + second.slice(0, 20))
  const seen = followed(path)
  await expect.poll(() => seen).toEqual([1])
  fs.appendFileSync(path, second.slice(20))
  await expect.poll(() => seen).toEqual([1, 2])
  fs.writeFileSync(path, numbered(3))
  await expect.poll(() => seen).toEqual([1, 2, 3])
})

test('files that are not there are an error', async () => {
  const nowhere = join(scratch(), 'nowhere')
  await expect(all(showAudit({ files: [nowhere] }))).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await expect(all(showAudit({ files: [nowhere], follow: true }))).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  })
  await expect(summarizeAudit([nowhere])).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  await expect(openAudit({ sink: join(nowhere, 'a') })).rejects.toMatchObject({ code: 'AUDIT_FAILED' })
})

test('the line of a request is found by its id', async () => {
  const { audit, path } = await openRecord()
  for (const requestId of ['a', 'b', 'c']) audit.record(endedCall({}, { requestId }))
  await audit.close()
  const found = await all(showAudit({ files: [path], requestId: 'b' }))
  expect(found).toMatchObject([{ event: 'call', request_id: 'b' }])
})
