import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { desktopClients } from '../../src/desktop/clients.js'
import { entriesIn, withEntry, withoutEntry } from '../../src/desktop/edit.js'
import { launch } from '../support/desktop.js'

const { cursor, goose, codex } = desktopClients

const key = fc.oneof(
  fc.constantFrom('mcpServers', 'a', 'b.c', ''),
  fc.string({ unit: 'binary', maxLength: 5 }),
)
/** As it is read again: there is no negative zero. */
const json = fc.json({ maxDepth: 3 }).map((text) => JSON.parse(JSON.stringify(JSON.parse(text))))
const servers = fc.dictionary(fc.constantFrom('one', 'two', 'three'), json, { maxKeys: 3 })
const others = fc.dictionary(key, json, { maxKeys: 4 })
const place = fc.nat(4)

/** The servers at some place among other keys. */
function nested(
  name: string,
  inside: unknown,
  around: Record<string, unknown>,
  at: number,
): Record<string, unknown> {
  const entries = Object.entries(around).filter(([one]) => one !== name)
  return Object.fromEntries(entries.toSpliced(at, 0, [name, inside]))
}

test('JSON of any form keeps all that it says, byte for byte', () => {
  const indent = fc.constantFrom('', '  ', '    ', '\t')
  const end = fc.constantFrom('\n', '\r\n')
  const last = fc.constantFrom('', '\n')
  fc.assert(
    fc.property(servers, others, place, indent, end, last, (inside, around, at, unit, line, tail) => {
      const written = JSON.stringify(nested('mcpServers', inside, around, at), null, unit) + tail
      const text = written.replaceAll('\n', line)
      const entry = cursor.shape(launch(), 'weather')
      const after = withEntry(cursor, text, 'weather', entry)
      expect(entriesIn(cursor, after)).toEqual(new Map(Object.entries({ ...inside, weather: entry })))
      expect(withoutEntry(cursor, after, 'weather', text)).toBe(text)
      const again = withoutEntry(cursor, after, 'weather', undefined)
      if (Object.keys(inside).length > 0) expect(again).toBe(text)
      else expect(withEntry(cursor, again, 'weather', entry)).toBe(after)
    }),
    { numRuns: 150 },
  )
})

test('YAML of any form keeps all that it says', () => {
  const indent = fc.constantFrom(2, 4)
  fc.assert(
    fc.property(servers, others, place, indent, (inside, around, at, spaces) => {
      const text = stringify(nested('extensions', inside, around, at), { indent: spaces })
      const entry = goose.shape(launch(), 'weather')
      const after = withEntry(goose, text, 'weather', entry)
      expect(entriesIn(goose, after).get('weather')).toEqual(entry)
      expect(withoutEntry(goose, after, 'weather', text)).toBe(text)
      expect(entriesIn(goose, withoutEntry(goose, after, 'weather', undefined) ?? '').has('weather')).toBe(
        false,
      )
    }),
    { numRuns: 150 },
  )
})

test('any argument and variable survives TOML', () => {
  const text = fc.string({ unit: 'grapheme-composite' })
  fc.assert(
    fc.property(fc.array(text), text, (args, value) => {
      const entry = codex.shape({ command: 'node', args, env: { A: value } }, 'weather')
      const after = withEntry(codex, 'model = "o3"\n', 'weather', entry)
      expect(entriesIn(codex, after).get('weather')).toEqual(entry)
      expect(withoutEntry(codex, after, 'weather', undefined)).toBe('model = "o3"\n')
    }),
    { numRuns: 150 },
  )
})
