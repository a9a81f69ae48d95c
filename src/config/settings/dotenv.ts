import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { MtlsError } from '../../errors.js'
import { readSmallFile, Unreadable } from '../../files/read-file.js'
import { rejectProblems } from '../problems.js'

/**
 * The variables in the `.env` file of a directory; none when there is no such file. Throws `CONFIG_INVALID` with the
 * number of every line that is ambiguous or would be lost; the content of a line is never shown.
 */
export function readDotenv(directory: string): Readonly<Record<string, string | undefined>> {
  const path = resolve(directory, '.env')
  const text = readText(path)
  if (text === undefined) return {}
  const lines = text.split('\n')
  const problems = problemsIn(lines).map(([line, what]) => ({ setting: `line ${line}`, text: what, hint }))
  rejectProblems(path, problems)
  // Node reads a different name if a tab, or more than one space, comes before it.
  return parseEnv(lines.map((line) => line.replace(assignment, '$1=')).join('\n'))
}

const hint = 'Each line reads NAME=value; what has spaces, quotes or # in it stands in quotes: NAME="value".'

function readText(path: string): string | undefined {
  try {
    return decoded(readSmallFile(path)).replace(/\r\n?/g, '\n')
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    const what = cause instanceof Unreadable ? message : `cannot be read (${code ?? 'it is not text'})`
    throw new MtlsError('CONFIG_INVALID', `${path} ${what}`, { cause })
  }
}

/** UTF-8, or UTF-16 by its byte order mark, as Windows editors write it. */
function decoded(bytes: Buffer): string {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? 'utf-16le'
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? 'utf-16be'
        : 'utf-8'
  return new TextDecoder(encoding, { fatal: true }).decode(bytes)
}

const assignment = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=\s*/

/** A setting that would be lost inside another value. */
const ours = /^\s*(?:export\s+)?(?:TLS|MCP|AUDIT)_\w+\s*=/

/** The invalid lines, each with its problem. */
function problemsIn(lines: readonly string[]): [line: number, what: string][] {
  const found: [number, string][] = []
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? ''
    if (/^\s*(#|$)/.test(line)) continue
    const name = assignment.exec(line)?.[0]
    if (name === undefined) {
      found.push([at + 1, 'is not NAME=value'])
      continue
    }
    const value = line.slice(name.length)
    const quote = /^["'`]/.exec(value)?.[0]
    if (quote === undefined) {
      if (/\S#/.test(value)) found.push([at + 1, 'has a # in a value without quotes'])
      else if (/["'`]/.test(value)) found.push([at + 1, 'has a quote inside of a value without quotes'])
      continue
    }
    // The value ends at the next matching quote, perhaps lines later.
    const begun = at
    let rest = value.slice(1)
    while (!rest.includes(quote) && at + 1 < lines.length) {
      rest = lines[++at] ?? ''
      if (ours.test(rest)) found.push([at + 1, 'is inside of a value whose quote was not closed before'])
    }
    if (!rest.includes(quote)) {
      found.push([begun + 1, 'has a quote that is not closed'])
      at = begun
    } else if (!/^\s*(#|$)/.test(rest.slice(rest.indexOf(quote) + 1)))
      found.push([at + 1, 'has text after the closing quote'])
    else if (at > begun && assignment.test(lines[at] ?? ''))
      found.push([begun + 1, 'has a quote that is closed lines later, behind another NAME='])
  }
  return found
}
