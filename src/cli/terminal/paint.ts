import { styleText } from 'node:util'
import type { Level } from '../../monitor/snapshot.js'
import type { Io } from '../io/io.js'

type Style = Parameters<typeof styleText>[0]
export type Paint = (style: Style, text: string) => string

/** Colours for a terminal; plain text for pipes and for `NO_COLOR` (no-color.org). */
export function painter({ stdout, env }: Io): Paint {
  const coloured = 'isTTY' in stdout && stdout.isTTY === true && !env.NO_COLOR
  return coloured ? (style, text) => styleText(style, text) : (_style, text) => text
}

/** How lists mark what was found: `paint(...marks[level])`. */
export const marks: Readonly<Record<Level, readonly ['green' | 'yellow' | 'red', string]>> = {
  ok: ['green', '✓'],
  warning: ['yellow', '!'],
  critical: ['red', '✗'],
}
