import * as fs from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { openAudit, verifyAudit } from '../../src/audit/index.js'
import { ownDisk } from '../../src/audit/record-file.js'
import { endedCall, linesIn, openRecord } from '../support/audited.js'

afterEach(() => void vi.useRealTimers())

/** All files of a record, earlier ones first. */
function filesOf(path: string): string[] {
  const names = fs.readdirSync(dirname(path)).filter((name) => /^audit\.jsonl(\.\d.*)?$/.test(name))
  return [...names.filter((name) => name !== 'audit.jsonl').toSorted(), 'audit.jsonl'].map((name) =>
    join(dirname(path), name),
  )
}

const callsIn = (path: string) => linesIn(path).filter(({ event }) => event === 'call').length

describe('a file ends', () => {
  test('at its size: each ends with a checkpoint, and the next says what it continues', async () => {
    const { audit, path } = await openRecord({ maxBytes: 20_000 })
    for (let number = 0; number < 200; number++) {
      audit.record(endedCall({ id: number }))
      if (number % 20 === 0) await audit.drain()
    }
    await audit.close()
    const all = filesOf(path)
    expect(all.length).toBeGreaterThan(5)
    for (const [at, file] of all.entries()) {
      expect(fs.statSync(file).size).toBeLessThan(21_500)
      expect(linesIn(file).at(-1)).toMatchObject({ event: 'checkpoint' })
      const before = all[at - 1]?.split('/').at(-1) ?? null
      expect(linesIn(file)[0]).toMatchObject({ event: 'opened', continues: before })
    }
    expect(all.reduce((sum, file) => sum + callsIn(file), 0)).toBe(200)
    expect(await verifyAudit({ files: all.toReversed() })).toMatchObject({
      ok: true,
      files: all,
      unproven_lines: 0,
      first_seq: 1,
    })
  })

  test('and a line that is larger than a file has one for itself', async () => {
    const { audit, path } = await openRecord({ maxBytes: 4096, arguments: true })
    for (let number = 0; number < 3; number++)
      audit.record(endedCall({ arguments: Array.from({ length: 40 }, () => 'x'.repeat(200)) }))
    await audit.close()
    expect(filesOf(path).map((file) => linesIn(file).map(({ event }) => event))).toEqual([
      ['opened', 'call', 'checkpoint'],
      ['opened', 'call', 'checkpoint'],
      ['opened', 'call', 'checkpoint'],
    ])
    expect(await verifyAudit({ files: filesOf(path) })).toMatchObject({ ok: true, unproven_lines: 0 })
  })

  test('with its day, UTC', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-03-01T23:59:59.900Z') })
    const { audit, path } = await openRecord()
    audit.record(endedCall())
    await audit.drain()
    vi.setSystemTime(new Date('2026-03-02T00:00:00.100Z'))
    audit.record(endedCall())
    await audit.close()
    const all = filesOf(path)
    expect(all.map((file) => file.split('/').at(-1))).toEqual([
      'audit.jsonl.2026-03-01.000000001',
      'audit.jsonl',
    ])
    expect(all.map(callsIn)).toEqual([1, 1])
    expect(await verifyAudit({ files: all })).toMatchObject({ ok: true, unproven_lines: 0 })
  })

  test('that a process of yesterday has left, when the next one writes', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-03-01T12:00:00Z') })
    const { audit, path } = await openRecord()
    audit.record(endedCall())
    await audit.close()
    vi.setSystemTime(new Date('2026-03-02T12:00:00Z'))
    const next = await openAudit({ sink: path })
    next.record(endedCall())
    await next.close()
    expect(filesOf(path).map(callsIn)).toEqual([1, 1])
    expect(await verifyAudit({ files: filesOf(path) })).toMatchObject({ ok: true, unproven_lines: 0 })
  })
})

/** Three files, the last open no more. */
async function threeFiles(): Promise<string[]> {
  const { audit, path } = await openRecord({ maxBytes: 4096 })
  for (let number = 0; number < 13; number++) {
    audit.record(endedCall({ id: number }))
    await audit.drain()
  }
  await audit.close()
  return filesOf(path).slice(0, 3)
}

describe('of several files', () => {
  test('one that is missing in the middle is a gap, and one at the beginning is said', async () => {
    const [first = '', second = '', third = ''] = await threeFiles()
    expect((await verifyAudit({ files: [first, third] })).problems).toMatchObject([
      { code: 'gap', file: third, line: 1 },
    ])
    const later = await verifyAudit({ files: [third, second] })
    expect(later).toMatchObject({ ok: true, files: [second, third], unproven_lines: 0 })
    expect(later.first_seq).toBeGreaterThan(1)
  })

  test('one without its first line is found, alone and among others', async () => {
    const [first = '', second = '', third = ''] = await threeFiles()
    const [, ...rest] = fs.readFileSync(second, 'utf8').split('\n')
    fs.writeFileSync(second, rest.join('\n'))
    expect((await verifyAudit({ files: [second] })).problems).toMatchObject([
      { code: 'removed', file: second, line: 1 },
    ])
    const { problems } = await verifyAudit({ files: [first, second, third] })
    expect(problems.map(({ code, file }) => [code, file])).toEqual([
      ['removed', second],
      ['gap', second],
    ])
  })

  test('a checkpoint from before the first is said to be about others', async () => {
    const [first = '', second = ''] = await threeFiles()
    const checkpoint = String(linesIn(first).at(-1)?.note)
    expect(await verifyAudit({ files: [first, second], checkpoint })).toMatchObject({ ok: true })
    expect((await verifyAudit({ files: [second], checkpoint })).problems).toMatchObject([{ code: 'gap' }])
  })
})

describe('a file that goes away meanwhile', () => {
  test('is begun anew when it was deleted', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date() })
    const { audit, path } = await openRecord()
    audit.record(endedCall())
    await audit.drain()
    fs.rmSync(path)
    vi.setSystemTime(Date.now() + 2000)
    audit.record(endedCall({ id: 2 }))
    await audit.close()
    expect(linesIn(path).map(({ event }) => event)).toEqual(['opened', 'call', 'checkpoint'])
    expect(linesIn(path)[0]).toMatchObject({ continues: 'audit.jsonl' })
    expect(await verifyAudit({ files: [path] })).toMatchObject({ ok: true, first_seq: 3, unproven_lines: 0 })
  })

  test('is followed when it was renamed, until reopen(): then both are one record', async () => {
    const { audit, path } = await openRecord()
    audit.record(endedCall())
    await audit.drain()
    fs.renameSync(path, `${path}.1`)
    audit.record(endedCall())
    await audit.drain()
    await audit.reopen()
    audit.record(endedCall())
    await audit.close()
    expect([callsIn(`${path}.1`), callsIn(path)]).toEqual([2, 1])
    expect(linesIn(path)[0]).toMatchObject({ event: 'opened', continues: 'audit.jsonl.1' })
    expect(await verifyAudit({ files: [path, `${path}.1`] })).toMatchObject({ ok: true, unproven_lines: 0 })
  })

  test('again and again while calls come: each is in one of the files, once, in order', async () => {
    const { audit, path } = await openRecord()
    let number = 0
    const add = (count: number) => {
      for (const end = number + count; number < end; number++)
        audit.record(endedCall({}, { requestId: String(number) }))
    }
    const reopened: Promise<void>[] = []
    for (let time = 1; time <= 5; time++) {
      add(100)
      if (time % 2 === 0) await audit.drain()
      add(30)
      fs.renameSync(path, `${path}.${time}`)
      add(30)
      reopened.push(audit.reopen())
      add(100)
      await expect.poll(() => fs.existsSync(path)).toBe(true)
    }
    await Promise.all(reopened)
    await audit.close()
    const files = [1, 2, 3, 4, 5].map((time) => `${path}.${time}`).concat(path)
    const ids = files.flatMap((file) => linesIn(file).flatMap(({ request_id: id }) => id ?? []))
    expect(ids).toEqual(Array.from({ length: number }, (_, at) => String(at)))
    expect(await verifyAudit({ files })).toMatchObject({ ok: true, unproven_lines: 0 })
  })

  test('and reopen() of one that is still there begins nothing', async () => {
    const { audit, lines } = await openRecord()
    audit.record(endedCall())
    await audit.reopen()
    await audit.reopen()
    await audit.close()
    expect(lines().map(({ event }) => event)).toEqual(['opened', 'call', 'checkpoint'])
  })

  test('is begun anew when it was emptied', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date() })
    const { audit, path } = await openRecord()
    audit.record(endedCall())
    await audit.drain()
    fs.copyFileSync(path, `${path}.1`)
    fs.truncateSync(path)
    vi.setSystemTime(Date.now() + 2000)
    audit.record(endedCall())
    await audit.close()
    expect(await verifyAudit({ files: [path, `${path}.1`] })).toMatchObject({ ok: true, unproven_lines: 0 })
  })

  test('makes a process that was killed in between go on from the file that it had moved away', async () => {
    const { audit, path } = await openRecord()
    audit.record(endedCall())
    await audit.close()
    const moved = `${path}.2026-01-01.000000001`
    fs.renameSync(path, moved)
    const next = await openAudit({ sink: path })
    next.record(endedCall())
    await next.close()
    expect(linesIn(path)[0]).toMatchObject({ seq: 4, continues: 'audit.jsonl.2026-01-01.000000001' })
    expect(await verifyAudit({ files: [moved, path] })).toMatchObject({ ok: true, unproven_lines: 0 })
  })
})

test('what somebody else writes into it meanwhile is told, and never continued', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date() })
  const { audit, path } = await openRecord()
  audit.record(endedCall())
  await audit.drain()
  fs.appendFileSync(path, `${JSON.stringify({ time: '', seq: 3, event: 'call', prev: '0'.repeat(64) })}\n`)
  vi.setSystemTime(Date.now() + 2000)
  audit.record(endedCall())
  await audit.drain()
  expect(audit.health()).toMatchObject({
    ok: false,
    error: expect.stringContaining('changed by another program'),
    since: expect.any(Date),
  })
  await audit.close()
  expect((await verifyAudit({ files: [path] })).ok).toBe(false)
})

test('it goes on in the old file when that cannot be moved away, and says so', async () => {
  const told: string[] = []
  const disk = { ...ownDisk, rename: () => Promise.reject(Object.assign(new Error('no'), { code: 'EPERM' })) }
  const { audit, path } = await openRecord({ maxBytes: 4096, tell: ({ event }) => told.push(event) }, disk)
  for (let number = 0; number < 30; number++) {
    audit.record(endedCall({ id: number }))
    await audit.drain()
  }
  expect(audit.health()).toMatchObject({
    ok: false,
    lost: 0,
    error: expect.stringContaining('permission denied'),
    since: expect.any(Date),
    failures: 1,
  })
  await audit.close()
  expect(told).toEqual(['audit-key-made', 'audit-failed'])
  expect(callsIn(path)).toBe(30)
  expect(await verifyAudit({ files: [path] })).toMatchObject({ ok: true, unproven_lines: 0 })
})
