import { relative } from 'node:path'
import { printable, printableJson } from '../../text/printable.js'
import { withoutSecrets } from '../../text/secrets.js'
import { shellPath } from '../../text/shell-word.js'
import type { Io } from './io.js'

/** JSON with control and format characters escaped, which JSON allows in text: a terminal would interpret them. */
export function writeJson(io: Io, value: unknown): void {
  const safe = (_name: string, one: unknown) => (typeof one === 'string' ? withoutSecrets(one) : one)
  const lines = JSON.stringify(value, safe, 2).split('\n')
  io.stdout.write(`${lines.map(printableJson).join('\n')}\n`)
}

export function writeLines(stream: Io['stdout'], lines: readonly string[]): void {
  stream.write(lines.map((line) => `${withoutSecrets(line)}\n`).join(''))
}

/**
 * Text from a peer, safe for a terminal: control and format characters (escape sequences, line ends, direction
 * overrides) are shown, not interpreted.
 */
export { printable }

/** The shortest form of a path, relative to here if possible. */
export function shownPath(path: string, { cwd }: Pick<Io, 'cwd'>): string {
  const short = relative(cwd, path)
  return short === '' ? '.' : short.startsWith('..') ? path : short
}

/** The same as a shell word that can be pasted into a command. */
export function typedPath(path: string, io: Pick<Io, 'cwd'>): string {
  return shellPath(shownPath(path, io))
}

/** `2027-11-20`, in UTC. */
export function day(date: Date): string {
  return date.toISOString().slice(0, 10)
}
