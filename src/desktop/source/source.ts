import type { DesktopClient } from '../clients.js'
import type { Entry } from '../launch.js'

/** Where servers stand in a text. */
export type Where = Pick<DesktopClient, 'key' | 'isList'>

/**
 * A text of a client as it was read. Changes are texts too: nothing but what they are about differs from the text that was
 * read, not even in formatting.
 */
export interface Source {
  /** Everything that it says, as plain values. */
  readonly value: unknown
  /** The servers by name. */
  readonly entries: ReadonlyMap<string, unknown>
  /** With this server, instead of one that has its name. */
  with(name: string, entry: Entry): string
  /** Without a server that is there: one or more texts, the first without what stood around it and is empty now. */
  without(name: string): readonly string[]
}

/** Reads a text; throws `NotUnderstood`. */
export type Reader = (text: string, where: Where) => Source

/** A text that is not what it should be, or not written in a way that can be changed safely. */
export class NotUnderstood extends Error {
  readonly line: number
  readonly column: number

  /** `what` goes after the place. */
  constructor(what: string, text: string, offset: number) {
    super(what)
    const before = text.slice(0, offset).split(/\r\n|\n|\r/)
    this.line = before.length
    this.column = (before.at(-1) ?? '').length + 1
  }
}

/** How lines of this text end. */
export function lineEndOf(text: string): '\n' | '\r\n' {
  return /\r?\n/.exec(text)?.[0] === '\r\n' ? '\r\n' : '\n'
}

/** The offset after the line end that follows, or of the end of the text. */
export function afterLine(text: string, offset: number): number {
  const end = text.indexOf('\n', offset)
  return end < 0 ? text.length : end + 1
}

/** The offset at which the line begins. */
export function startOfLine(text: string, offset: number): number {
  return text.lastIndexOf('\n', offset - 1) + 1
}
