import { type End, hashOf, link, noLine, type RecordLine, readLine } from './chain.js'
import { noteEntry } from './checkpoint.js'
import { type Checkpoint, type NoteKey, openNote, readCheckpoint } from './note.js'
import type { FoundLine } from './read-lines.js'

export type ProblemCode =
  | 'changed'
  | 'removed'
  | 'added'
  | 'reordered'
  | 'malformed'
  | 'truncated'
  | 'signature'
  | 'gap'

export interface AuditProblem {
  readonly file: string
  /** From 1; that at which it is seen. */
  readonly line: number
  readonly code: ProblemCode
  readonly message: string
}

interface Place {
  readonly file: string
  readonly line: number
}

/** Lines that are missing so far, by number. */
interface Hole extends Place {
  from: number
  to: number
  readonly code: 'removed' | 'gap'
}

/** More are counted, and not listed. */
const mostProblems = 1000
/** Each line that comes late is looked for in them. */
const mostHoles = 1000
const start: End = { seq: 0, hash: noLine, time: '' }

/** Follows the lines of a record in the order of its files, in bounded memory. */
export class ChainCheck {
  readonly #key: NoteKey | undefined
  readonly #outside: Checkpoint | undefined
  readonly #problems: AuditProblem[] = []
  #holes: Hole[] = []
  /** The line with the highest number so far. */
  #highest: End = start
  /** The line that was read last, and where it was. */
  #last: End = start
  #lastPlace: Place = { file: '', line: 0 }
  /** Lines in a row that could not be read. */
  #unread = 0
  #isFirstOfFile = true
  #isFirst = true
  #firstSeq: number | undefined
  #lines = 0
  #checkpoints = 0
  #unproven = 0
  #hasMetOutside = false

  /** `outside`: a checkpoint that was kept somewhere else, its signature verified. */
  constructor(key: NoteKey | undefined, outside: Checkpoint | undefined) {
    this.#key = key
    this.#outside = outside
  }

  /** The lines that follow are those of another file. */
  beginFile(): void {
    this.#isFirstOfFile = true
  }

  add(file: string, found: FoundLine): void {
    this.#lines++
    this.#unproven++
    const place = { file, line: found.number }
    const line = found.isTooLong ? undefined : readLine(found.bytes.toString())
    if (!found.isWhole) this.#report(place, 'truncated', 'the file ends in the middle of this line')
    else if (line) this.#follow(place, line, found.bytes)
    else this.#report(place, 'malformed', 'this is not a line of a record')
    if (!line && found.isWhole) this.#unread++
  }

  #follow(place: Place, line: RecordLine, bytes: Buffer): void {
    if (this.#isFirst) this.#begin(place, line)
    else if (this.#isFirstOfFile && line.event !== 'opened')
      this.#report(place, 'removed', 'the first lines of this file are missing')
    const end = { seq: line.seq, hash: hashOf(bytes), time: line.time }
    const before = this.#last
    const isInPlace = this.#place(place, line)
    if (line.seq > this.#highest.seq) this.#highest = end
    this.#last = end
    this.#lastPlace = place
    this.#isFirst = false
    this.#isFirstOfFile = false
    this.#unread = 0
    if (line.event === 'checkpoint' || 'note' in line)
      this.#checkpoint(place, line, bytes, isInPlace ? before : undefined)
    if (this.#outside && line.seq === this.#outside.lines) this.#meetOutside(place, this.#outside, end)
  }

  /** What comes before the first line is believed, and said: it may be in files that were not given. */
  #begin(place: Place, line: RecordLine): void {
    this.#firstSeq = line.seq
    if (line.event !== 'opened' || (line.seq > 1 && typeof line.continues !== 'string'))
      this.#report(place, 'removed', 'the first lines of this file are missing')
    else if (line.seq < 1 || (line.seq === 1) !== (line.prev === noLine))
      this.#report(place, 'changed', 'the first line of a record has the number 1 and nothing before it')
    this.#highest = { seq: line.seq - 1, hash: line.prev, time: '' }
    this.#last = this.#highest
  }

  /** Whether a line is where it belongs; if not, what is wrong is kept. */
  #place(place: Place, { seq, prev }: RecordLine): boolean {
    const [last, highest] = [this.#last, this.#highest]
    if (seq === last.seq + 1 && prev === last.hash) {
      // It goes on after the line before: that may be in the middle of lines that were moved.
      if (seq > highest.seq || this.#fill(seq)) return true
      this.#report(place, 'added', `line ${seq} was here before`)
    } else if (seq === highest.seq + 1 && prev === highest.hash) return true
    else if (prev === last.hash)
      this.#report(
        place,
        'changed',
        `this line says that it is number ${seq}, and follows number ${last.seq}`,
      )
    else if (seq <= highest.seq) {
      if (this.#fill(seq)) this.#report(place, 'reordered', `line ${seq} comes after line ${last.seq}`)
      else this.#report(place, 'added', `line ${seq} was here before`)
    } else if (this.#unread > 0 && seq === last.seq + 1 + this.#unread)
      return false // those that could not be read are told
    else if (seq > highest.seq + 1) this.#miss(place, highest.seq + 1, seq - 1)
    else this.#changed(place, last.seq)
    return false
  }

  #changed(place: Place, seq: number): void {
    const before = this.#lastPlace
    const known = this.#problems.at(-1)
    const isKnown = known?.file === before.file && known.line === before.line
    if (isKnown && (known.code === 'changed' || known.code === 'signature')) return
    this.#report(
      before.line > 0 ? before : place,
      'changed',
      `line ${seq} is not what the next line says it was`,
    )
  }

  #miss(place: Place, from: number, to: number): void {
    const code = this.#isFirstOfFile ? 'gap' : 'removed'
    if (this.#holes.length < mostHoles) this.#holes.push({ ...place, from, to, code })
  }

  /** Whether this number was missing. */
  #fill(seq: number): boolean {
    const hole = this.#holes.find(({ from, to }) => from <= seq && seq <= to)
    if (!hole) return false
    if (seq < hole.to) this.#holes.push({ ...hole, from: seq + 1 })
    hole.to = seq - 1
    if (hole.to < hole.from) this.#holes = this.#holes.filter((one) => one !== hole)
    return true
  }

  /** `before`: the line that it signs; undefined when that is known to be wrong. */
  #checkpoint(place: Place, { note, seq }: RecordLine, bytes: Buffer, before: End | undefined): void {
    if (!this.#key) return
    const text = typeof note === 'string' ? openNote(note, this.#key) : undefined
    const said = text === undefined ? undefined : readCheckpoint(text)
    if (text === undefined || typeof note !== 'string' || !said || said.origin !== this.#key.name)
      return this.#report(place, 'signature', 'this checkpoint is not signed by the key')
    if (!before) return
    if (said.lines !== seq - 1 || said.hash !== before.hash)
      return this.#report(place, 'changed', `the lines before are not the ${said.lines} that were signed`)
    // The line of a checkpoint follows from its note, byte by byte.
    if (link(noteEntry(note, before.time), before).line !== bytes.toString() || note.split('\n').length !== 6)
      return this.#report(place, 'changed', 'this line is not what was written with its checkpoint')
    this.#checkpoints++
    this.#unproven = 0
  }

  #meetOutside(place: Place, outside: Checkpoint, { hash }: End): void {
    this.#hasMetOutside = true
    if (hash === outside.hash) this.#unproven = 0
    else this.#report(place, 'changed', `line ${outside.lines} is not that of the given checkpoint`)
  }

  #report(place: Place, code: ProblemCode, message: string): void {
    if (this.#problems.length < mostProblems) this.#problems.push({ ...place, code, message })
  }

  /** Everything that is wrong, and how much of it is proven. */
  end() {
    for (const { from, to, code, file, line } of this.#holes) {
      const which = from === to ? `line ${from} is` : `lines ${from} to ${to} are`
      this.#report({ file, line }, code, `${which} missing before this one`)
    }
    if (this.#outside && !this.#hasMetOutside) this.#missOutside(this.#outside)
    return {
      lines: this.#lines,
      first_seq: this.#firstSeq ?? null,
      checkpoints: this.#checkpoints,
      unproven_lines: this.#unproven,
      problems: this.#problems,
    }
  }

  #missOutside({ lines }: Checkpoint): void {
    if (lines > this.#highest.seq)
      this.#report(
        this.#lastPlace,
        'truncated',
        `the record ends with line ${this.#highest.seq}, and the given checkpoint has ${lines}`,
      )
    else if (lines > 0 && lines < (this.#firstSeq ?? 1))
      this.#report(this.#lastPlace, 'gap', `the given checkpoint is about line ${lines}, before these files`)
  }
}
