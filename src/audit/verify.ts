import { readFile } from 'node:fs/promises'
import { MtlsError } from '../errors.js'
import { readLine } from './chain.js'
import { type AuditProblem, ChainCheck, type ProblemCode } from './chain-check.js'
import { inOrder, reading } from './files-of-record.js'
import { publicKeyIn } from './keys.js'
import { type Checkpoint, type NoteKey, openNote, readCheckpoint, verifierKey } from './note.js'
import type { ReadOptions } from './read-lines.js'

export interface VerifyOptions extends ReadOptions {
  /** The files of one record, in any order. */
  readonly files: readonly string[]
  /** Public key, PEM or `NAME+ID+KEY`, from somewhere else than the record. Default: that beside the files. */
  readonly key?: string
  /** A checkpoint that was kept somewhere else: the text of the signed note, or the line that has it. */
  readonly checkpoint?: string
}

export interface AuditVerification {
  readonly ok: boolean
  /** In the order of their lines. */
  readonly files: readonly string[]
  readonly lines: number
  /** Number of the first line: more than 1 when earlier files were not given. */
  readonly first_seq: number | null
  /** Those whose signature holds. */
  readonly checkpoints: number
  /** Lines behind the last of them: somebody who may write the file may have changed these. */
  readonly unproven_lines: number
  /**
   * `beside`: it lay beside the record, where whoever changes that can put another. Null without any: then no
   * line is proven.
   */
  readonly key: {
    readonly from: 'given' | 'beside'
    readonly file: string | null
    readonly verifier: string
  } | null
  readonly problems: readonly AuditProblem[]
}

/**
 * Reads the files of a record and says what is wrong with them; in bounded memory, whatever their size. Throws `CONFIG_INVALID`
 * for files that cannot be read, and for a key that is none.
 */
export async function verifyAudit({
  files,
  key,
  checkpoint,
  ...options
}: VerifyOptions): Promise<AuditVerification> {
  const used = key === undefined ? await keyBeside(files) : givenKey(key)
  const outside = checkpoint === undefined ? undefined : outsideOf(checkpoint, used?.key)
  const check = new ChainCheck(used?.key, outside)
  const ordered = await inOrder(files)
  const before: AuditProblem[] = []
  if (checkpoint !== undefined && !outside)
    before.push(
      problemOf(
        ordered[0] ?? '',
        'signature',
        'the given checkpoint is not signed by the key of this record',
      ),
    )
  for (const file of ordered) {
    check.beginFile()
    let isEmpty = true
    for await (const lines of reading(file, options))
      for (const line of lines) {
        isEmpty = false
        check.add(file, line)
      }
    if (isEmpty) before.push(problemOf(file, 'truncated', 'the file is empty'))
  }
  const found = check.end()
  const problems = [...before, ...found.problems]
  return {
    ok: problems.length === 0,
    files: ordered,
    lines: found.lines,
    first_seq: found.first_seq,
    checkpoints: found.checkpoints,
    unproven_lines: found.unproven_lines,
    key: used ? { from: used.from, file: used.file, verifier: verifierKey(used.key) } : null,
    problems,
  }
}

/** What a person has to know beside `ok`: what this verification cannot show. */
export function verificationNotes({
  key,
  lines,
  unproven_lines: unproven,
  first_seq: first,
}: AuditVerification): readonly string[] {
  const notes: string[] = []
  if (!key) notes.push('no public key was found: nothing is proven, the lines only fit together')
  if (key?.from === 'beside')
    notes.push(
      `the key was taken from beside the record (${key.file}): whoever can change both can sign anything; keep the key somewhere else and pass --key`,
    )
  if (key && unproven > 0)
    notes.push(
      `${unproven} of ${lines} lines lie beyond the last checkpoint: changes in them may not be seen`,
    )
  if (first !== null && first > 1) notes.push(`it begins with line ${first}: earlier files were not given`)
  notes.push(
    'a record that was cut back to an older checkpoint looks whole: only a newer checkpoint, kept somewhere else, shows it (--checkpoint)',
  )
  return notes
}

function problemOf(file: string, code: ProblemCode, message: string): AuditProblem {
  return { file, line: 1, code, message }
}

interface UsedKey {
  readonly key: NoteKey
  readonly from: 'given' | 'beside'
  readonly file: string | null
}

function givenKey(text: string): UsedKey {
  const key = publicKeyIn(text)
  if (key) return { key, from: 'given', file: null }
  throw new MtlsError('CONFIG_INVALID', 'the key given is not a public Ed25519 key', {
    hint: 'Give the .pub file of the record, as it was printed when the record was begun.',
  })
}

/** That of the record itself, whichever of its files were given: rotated ones have more behind their name. */
async function keyBeside(files: readonly string[]): Promise<UsedKey | undefined> {
  const names = files.flatMap((file) => [
    file,
    file.replace(/\.\d{4}-\d{2}-\d{2}\.\d+$/, ''),
    file.replace(/\.\d+$/, ''),
  ])
  for (const name of new Set(names)) {
    const file = `${name}.pub`
    const text = await readFile(file, 'utf8').catch(() => undefined)
    const key = text === undefined ? undefined : publicKeyIn(text)
    if (key) return { key, from: 'beside', file }
  }
  return undefined
}

/** Undefined when the key has not signed it. */
function outsideOf(given: string, key: NoteKey | undefined): Checkpoint | undefined {
  if (!key)
    throw new MtlsError('CONFIG_INVALID', 'a checkpoint cannot be verified without a key', {
      hint: 'Pass the public key of the record with --key.',
    })
  const note = noteIn(given)
  if (!/^— \S+ \S+$/m.test(note))
    throw new MtlsError('CONFIG_INVALID', 'what is given as a checkpoint holds none', {
      hint: 'Keep a line of the record with "event":"checkpoint", or its note; a record has its first after a minute, or 1000 lines.',
    })
  const text = openNote(`${note.trimEnd()}\n`, key)
  const checkpoint = text === undefined ? undefined : readCheckpoint(text)
  return checkpoint?.origin === key.name ? checkpoint : undefined
}

function noteIn(given: string): string {
  const note = readLine(given)?.note
  return typeof note === 'string' ? note : given
}
