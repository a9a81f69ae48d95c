import type { End, Entry } from './chain.js'
import type { RecordKeys } from './keys.js'
import { eventEntry } from './line.js'
import { checkpointText, signNote } from './note.js'

/**
 * The line that signs all lines up to `end`. It has the time of the last of them: so the signature determines its own
 * line as well, and after a clean stop no byte of a record is beyond it.
 */
export function checkpointEntry({ seq, hash, time }: End, keys: RecordKeys): Entry {
  const text = checkpointText({ origin: keys.name, lines: seq, hash })
  return noteEntry(signNote(text, keys, keys.privateKey), time)
}

/** The same line, of a note that there is. */
export function noteEntry(note: string, time: string): Entry {
  return { ...eventEntry('checkpoint', { note }, new Date(0)), time }
}
