import { printable, printableJson } from '../../text/printable.js'
import type { Io } from '../io/io.js'

/** The lines of a server's text, safe for a terminal: only tabs and line ends are left as they are. */
export function safeLines(text: string): string[] {
  return text.split(/\r?\n/).map((line) => line.split('\t').map(printable).join('\t'))
}

/** JSON of a value, indented, safe for a terminal and the same value to every parser. Nothing is taken out. */
export function safeJson(value: unknown): string {
  return (JSON.stringify(value, undefined, 2) ?? 'null').split('\n').map(printableJson).join('\n')
}

/** Lines of a result: unlike messages, they are shown as the server has them. */
export function writeResult(io: Io, lines: readonly string[]): void {
  io.stdout.write(lines.map((line) => `${line}\n`).join(''))
}

/** `12 bytes`, `3.4 kB`. */
export function sizeText(bytes: number): string {
  if (bytes < 1000) return `${bytes} byte${bytes === 1 ? '' : 's'}`
  return bytes < 1e6 ? `${(bytes / 1000).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`
}

/** How many bytes a text in base64 stands for. */
export function sizeOfBase64(text: string): number {
  return Buffer.byteLength(text, 'base64')
}
