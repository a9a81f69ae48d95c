import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { type AuditVerification, verifyAudit } from '../../src/audit/index.js'
import type { NoteKey } from '../../src/audit/note.js'
import { endedCall, openRecord } from '../support/audited.js'
import { scratch } from '../support/scratch.js'
import { type FinishedRecord, fileOf, linesOf, places, recordOf200, verified } from '../support/tampered.js'

/** A record of 200 lines. */
let made: FinishedRecord | undefined
let record: Buffer
let key: NoteKey
let publicKey: string

beforeEach(async () => {
  made ??= await recordOf200()
  record = made.record
  key = made.key
  publicKey = made.publicKey
})

async function verifiedFile(bytes: Buffer): Promise<AuditVerification> {
  const path = join(scratch(), 'audit.jsonl')
  writeFileSync(path, bytes)
  return await verifyAudit({ files: [path], key: publicKey })
}

test('the record that is changed below has 200 lines, and nothing is wrong with it', async () => {
  expect(linesOf(record)).toHaveLength(200)
  expect(await verifiedFile(record)).toMatchObject({
    ok: true,
    lines: 200,
    first_seq: 1,
    unproven_lines: 0,
    problems: [],
  })
  expect(verified(record, key)).toMatchObject({ lines: 200, unproven_lines: 0, checkpoints: 8, problems: [] })
})

describe('a changed byte is found', () => {
  test('in an unfinished record, or lies beyond the last checkpoint', () => {
    const whole = made?.unfinished ?? Buffer.alloc(0)
    const changed = Buffer.from(whole)
    const { lines, unproven_lines } = verified(whole, key)
    let beyond = 0
    for (const { at, from, to, line } of places(whole)) {
      if (line < 165) continue
      const byte = whole[at] ?? 0
      changed[at] = byte ^ 1
      const isFound = verified(changed.subarray(from, to), key).problems.length > (from === 0 ? 0 : 1)
      if (!isFound && line <= lines - unproven_lines) expect.fail(`byte ${at} of line ${line}`)
      if (!isFound) beyond++
      changed[at] = byte
    }
    expect(beyond).toBeGreaterThan(0)
  })
})

describe('a line that is', () => {
  test('removed is found, wherever it was', () => {
    const lines = linesOf(record)
    for (let at = 0; at < 199; at++) {
      const { problems } = verified(fileOf(lines.toSpliced(at, 1)), key)
      expect(problems, `line ${at + 1}`).toMatchObject([{ code: 'removed', line: at + 1 }])
    }
  })

  test('the last one, and removed, leaves lines beyond the last checkpoint', () => {
    const found = verified(fileOf(linesOf(record).slice(0, -1)), key)
    expect(found.problems).toEqual([])
    expect(found.unproven_lines).toBeGreaterThan(0)
  })

  test('there twice is found, wherever the other is', () => {
    const lines = linesOf(record)
    for (const [at, line] of lines.entries()) {
      const next = verified(fileOf(lines.toSpliced(at, 0, line)), key)
      expect(next.problems, `line ${at + 1}`).toMatchObject([{ code: 'added', line: at + 2 }])
      const last = verified(fileOf([...lines, line]), key)
      expect(last.problems, `line ${at + 1} at the end`).toMatchObject([{ code: 'added', line: 201 }])
    }
  })

  test('swapped with the next is found', () => {
    const lines = linesOf(record)
    for (let at = 1; at < 199; at++) {
      const swapped = lines.toSpliced(at, 2, lines[at + 1] ?? '', lines[at] ?? '')
      const { problems } = verified(fileOf(swapped), key)
      expect(problems[0], `line ${at + 1}`).toMatchObject({ code: 'reordered', line: at + 2 })
    }
  })

  test('swapped with any other is found', () => {
    const lines = linesOf(record)
    for (let first = 0; first < 200; first += 13)
      for (let second = first + 1; second < 200; second += 7) {
        const swapped = lines.with(first, lines[second] ?? '').with(second, lines[first] ?? '')
        expect(verified(fileOf(swapped), key).problems, `${first} and ${second}`).not.toEqual([])
      }
  })

  test('of another record is found', async () => {
    const own = linesOf(record)
    const other = linesOf((await recordOf200()).record)
    for (let at = 0; at < 199; at++)
      expect(verified(fileOf(own.with(at, other[at] ?? '')), key).problems, `line ${at + 1}`).not.toEqual([])
  })

  test('none of a record is found', () => {
    for (const text of ['', '{}', 'null', '[]', '{"seq":1}', 'x'.repeat(300_000)])
      expect(verified(fileOf(linesOf(record).toSpliced(100, 0, text)), key).problems).toMatchObject([
        { code: 'malformed', line: 101 },
      ])
  })
})

test('a record that ends in the middle of a line is found', async () => {
  for (const cut of [1, 2, 100, 700])
    expect((await verifiedFile(record.subarray(0, -cut))).problems).toMatchObject([{ code: 'truncated' }])
  expect((await verifiedFile(Buffer.alloc(0))).problems).toMatchObject([{ code: 'truncated', line: 1 }])
})

test('lines that were replaced by others that fit together do not fit a checkpoint', async () => {
  const { audit, path } = await openRecord({ checkpoint: { lines: 5 } })
  const keys = ['key', 'pub'].map((name) => `${path}.${name}`)
  for (let number = 0; number < 8; number++) audit.record(endedCall({ id: number }))
  await audit.close()
  const told = linesOf(readFileSync(path))
  // The same, with one call left out, by somebody who has the key of nothing.
  const forged = join(scratch(), 'audit.jsonl')
  const other = await openRecord({ checkpoint: { lines: 1000 }, sink: forged })
  for (let number = 0; number < 7; number++) other.audit.record(endedCall({ id: number }))
  await other.audit.close()
  const lies = linesOf(readFileSync(forged)).slice(0, 5)
  copyFileSync(keys[1] ?? '', `${forged}.pub`)
  writeFileSync(forged, fileOf([...lies, ...told.slice(5)]))
  const found = await verifyAudit({ files: [forged] })
  expect(found.problems.map(({ code }) => code)).toContain('changed')
  writeFileSync(forged, fileOf(linesOf(readFileSync(other.path))))
})

describe('with a checkpoint that was kept somewhere else', () => {
  const noteOf = (line: string | undefined): string => JSON.parse(line ?? '').note
  const checked = async (bytes: Buffer, checkpoint: string) => {
    const path = join(scratch(), 'audit.jsonl')
    writeFileSync(path, bytes)
    return await verifyAudit({ files: [path], key: publicKey, checkpoint })
  }

  test('a record that was cut back is found, and without it is not', async () => {
    const lines = linesOf(record)
    const ends = lines.flatMap((line, at) => (line.includes('"event":"checkpoint"') ? [at] : []))
    const cut = fileOf(lines.slice(0, (ends[2] ?? 0) + 1))
    expect(await verifiedFile(cut)).toMatchObject({ ok: true, unproven_lines: 0 })
    expect((await checked(cut, noteOf(lines.at(-1)))).problems).toMatchObject([{ code: 'truncated' }])
    expect(await checked(record, noteOf(lines.at(-1)))).toMatchObject({ ok: true, unproven_lines: 0 })
    expect(await checked(record, noteOf(lines[ends[0] ?? 0]).trimEnd())).toMatchObject({ ok: true })
    expect(await checked(record, `${lines.at(-1)}\n`)).toMatchObject({ ok: true })
    expect((await checked(cut, `${lines.at(-1)}\n`)).problems).toMatchObject([{ code: 'truncated' }])
  })

  test('lines up to it are proven, though their own checkpoint is gone', async () => {
    const lines = linesOf(record)
    const cut = fileOf(lines.slice(0, -1))
    expect(await checked(cut, noteOf(lines.at(-1)))).toMatchObject({ ok: true, unproven_lines: 0 })
  })

  test('one that the key has not signed is told', async () => {
    const note = noteOf(linesOf(record).at(-1))
    for (const text of [note.replace('\n199\n', '\n198\n'), note.replace(/(— \S+ .{40})../, '$1AA')])
      expect((await checked(record, text)).problems).toMatchObject([{ code: 'signature' }])
  })
})

test('signatures of another key are told, once for each checkpoint', async () => {
  const { path } = await openRecord()
  const found = await verifyAudit({ files: [await file(record)], key: readFileSync(`${path}.pub`, 'utf8') })
  expect(found).toMatchObject({ ok: false, checkpoints: 0, unproven_lines: 200 })
  expect(new Set(found.problems.map(({ code }) => code))).toEqual(new Set(['signature']))
})

async function file(bytes: Buffer): Promise<string> {
  const path = join(scratch(), 'audit.jsonl')
  writeFileSync(path, bytes)
  return path
}
