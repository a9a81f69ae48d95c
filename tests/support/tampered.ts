import { readFileSync } from 'node:fs'
import { ChainCheck } from '../../src/audit/chain-check.js'
import { publicKeyIn } from '../../src/audit/keys.js'
import type { NoteKey } from '../../src/audit/note.js'
import { endedCall, openRecord } from './audited.js'

export interface FinishedRecord {
  readonly record: Buffer
  /** The same without the end that a clean stop writes. */
  readonly unfinished: Buffer
  readonly key: NoteKey
  /** The same in PEM. */
  readonly publicKey: string
}

/** A record of 200 lines, 8 checkpoints among them; the last is its last line. */
export async function recordOf200(): Promise<FinishedRecord> {
  const { audit, path } = await openRecord({ checkpoint: { lines: 25 }, arguments: true })
  for (let number = 0; number < 180; number++) {
    audit.record(endedCall({ id: number, arguments: { city: `Kraków ${number}`, days: number } }))
    if (number % 40 === 0) audit.refused('192.0.2.99', 'CERT_EXPIRED')
  }
  await audit.drain()
  const unfinished = readFileSync(path)
  for (let lines = linesOf(unfinished).length; lines < 199; lines++) audit.record(endedCall())
  await audit.close()
  const publicKey = readFileSync(`${path}.pub`, 'utf8')
  const key = publicKeyIn(publicKey)
  if (!key) throw new Error('no key')
  return { record: readFileSync(path), unfinished, key, publicKey }
}

export function linesOf(bytes: Buffer): string[] {
  return bytes.toString().split('\n').slice(0, -1)
}

export function fileOf(lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\n`).join(''))
}

/** What `verifyAudit` says of one file, without a disk in between. */
export function verified(bytes: Buffer, key: NoteKey): ReturnType<ChainCheck['end']> {
  const check = new ChainCheck(key, undefined)
  check.beginFile()
  let number = 0
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(10, from)
    const to = end < 0 ? bytes.length : end
    check.add('audit.jsonl', {
      bytes: bytes.subarray(from, to),
      length: to - from,
      number: ++number,
      isWhole: end >= 0,
      isTooLong: false,
    })
    from = to + 1
  }
  return check.end()
}

/** Every byte, and the part of the record that it is judged by: its line and those around it. */
export function* places(bytes: Buffer) {
  const starts = [0]
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) starts.push(at + 1)
  const lines = starts.length - 1
  for (let line = 0; line < lines; line++) {
    const [from = 0, to = 0] = [starts[Math.max(0, line - 1)], starts[Math.min(lines, line + 2)]]
    for (let at = starts[line] ?? 0; at < (starts[line + 1] ?? 0); at++)
      yield { line: line + 1, at, from, to }
  }
}
