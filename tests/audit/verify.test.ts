import * as fs from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { verificationNotes, verifyAudit } from '../../src/audit/index.js'
import { readLines } from '../../src/audit/read-lines.js'
import { endedCall, openRecord } from '../support/audited.js'
import { scratch } from '../support/scratch.js'

async function record(): Promise<string> {
  const { audit, path } = await openRecord()
  for (let number = 0; number < 5; number++) audit.record(endedCall())
  await audit.close()
  return path
}

test('says where it has the key from, and what it cannot show', async () => {
  const path = await record()
  const key = fs.readFileSync(`${path}.pub`, 'utf8')
  const beside = await verifyAudit({ files: [path] })
  expect(beside.key).toMatchObject({ from: 'beside', file: `${path}.pub` })
  expect(verificationNotes(beside)).toEqual([
    expect.stringContaining('taken from beside the record'),
    expect.stringContaining('cut back to an older checkpoint'),
  ])
  const given = await verifyAudit({ files: [path], key })
  expect(given.key).toMatchObject({ from: 'given', file: null })
  expect(verificationNotes(given)).toEqual([expect.stringContaining('cut back to an older checkpoint')])
})

test('what lies beside a record is none of its files', async () => {
  const path = await record()
  const files = ['', '.key', '.pub', '.lock'].map((name) => `${path}${name}`)
  expect(await verifyAudit({ files })).toMatchObject({ ok: true, files: [path] })
})

test('a file counts once, however it is named', async () => {
  const path = await record()
  const link = `${path}.latest`
  fs.symlinkSync(path, link)
  const files = [link, path, join(path, '..', 'audit.jsonl')]
  expect(await verifyAudit({ files })).toMatchObject({ ok: true, lines: 7 })
})

test('a file of gaps, and of lines that may belong there, is read in linear time', async () => {
  const path = join(scratch(), 'gaps.jsonl')
  const line = (seq: number) =>
    JSON.stringify({ time: '2026-01-01T00:00:00.000Z', seq, event: 'call', prev: '0'.repeat(64) })
  const gaps = Array.from({ length: 10_000 }, (_, at) => line(10 + 2 * at))
  const late = Array.from({ length: 100_000 }, (_, at) => line(10 + 2 * (at % 10_000)))
  fs.writeFileSync(path, `${[...gaps, ...late].join('\n')}\n`)
  const found = await verifyAudit({ files: [path] })
  expect(found).toMatchObject({ ok: false, lines: 110_000 })
  expect(found.problems).toHaveLength(1000)
})

test.each(['', '\n', '{"event":"call"}', 'no note'])(
  '%j is no checkpoint, and no sign of tampering',
  async (checkpoint) => {
    await expect(verifyAudit({ files: [await record()], checkpoint })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: 'what is given as a checkpoint holds none',
    })
  },
)

test('without a key nothing is proven', async () => {
  const path = await record()
  fs.rmSync(`${path}.pub`)
  const found = await verifyAudit({ files: [path] })
  expect(found).toMatchObject({ ok: true, key: null, checkpoints: 0, lines: 7, unproven_lines: 7 })
  expect(verificationNotes(found)[0]).toContain('nothing is proven')
  await expect(verifyAudit({ files: [path], checkpoint: 'x' })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
  })
  await expect(verifyAudit({ files: [path], key: 'x' })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

test('a file that cannot be read is an error', async () => {
  const directory = scratch()
  for (const file of [join(directory, 'nowhere'), directory])
    await expect(verifyAudit({ files: [file] })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
})

test('lines of any length are read in bounded memory, wherever a part of the file ends', async () => {
  const path = join(scratch(), 'lines')
  const lengths = [0, 1, 262_143, 262_144, 262_145, 262_146, 600_000, 3, 0, 1_000_000, 5]
  fs.writeFileSync(path, lengths.map((length) => 'x'.repeat(length)).join('\n'))
  const found = []
  for await (const lines of readLines(path)) found.push(...lines)
  expect(found.map(({ bytes }) => bytes.length)).toEqual(lengths.map((length) => Math.min(length, 262_144)))
  expect(found.map(({ isTooLong }) => isTooLong)).toEqual(lengths.map((length) => length > 262_144))
  expect(found.map(({ isWhole }) => isWhole)).toEqual(lengths.map((_, at) => at < lengths.length - 1))
  expect(found.map(({ number }) => number)).toEqual(lengths.map((_, at) => at + 1))
})
