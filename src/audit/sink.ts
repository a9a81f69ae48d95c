import type { End, Entry, Linked } from './chain.js'

/** What the writer knows of the end of its record. */
export interface Known {
  /** Undefined when it has just started, and has to believe what it finds. */
  readonly before: End | undefined
  /** Ends of the lines after it that may have been written, or not. */
  readonly maybe: readonly End[]
}

export interface Opened {
  /** After which the next line comes. */
  readonly end: End
  /** Lines that come first. */
  readonly first: readonly Entry[]
}

/** Where lines go. Every method may reject; `open` is called again then, before anything else. */
export interface Sink {
  /** Its name in problems. */
  readonly name: string
  open(known: Known): Promise<Opened>
  /** How it is: `gone` needs `open` again, `changed` means that somebody else has written there. */
  look(now: Date): Promise<'same' | 'gone' | 'changed'>
  /** Bytes that may be written before it begins another file; undefined when it has to begin one now. */
  roomAt(now: Date): number | undefined
  /** Ends the file and moves it away; `open` begins the next. */
  rotate(): Promise<void>
  append(lines: readonly Linked[]): Promise<void>
  /** What was written is on the disk when this resolves. */
  sync(): Promise<void>
  /** Lets go of what is open, however it is. */
  close(): Promise<void>
}
