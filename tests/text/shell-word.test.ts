import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { shellPath, shellWord } from '../../src/text/shell-word.js'

test.each([
  ['certs', 'certs'],
  ['/etc/mcp/agent-7.crt', '/etc/mcp/agent-7.crt'],
  ['', "''"],
  ['my certs', "'my certs'"],
  ["it's", "'it'\\''s'"],
  ['$HOME', "'$HOME'"],
  ['~', "'~'"],
])('%j is typed %s', (text, typed) => {
  expect(shellWord(text)).toBe(typed)
})

test('a path that begins as an option does is none', () => {
  expect(shellPath('-rf x')).toBe("'./-rf x'")
})

test('a shell reads what was meant, whatever it is', () => {
  const texts = fc.sample(fc.string({ unit: 'binary' }), 200).filter((text) => !text.includes('\0'))
  const awkward = [
    'a b',
    "'",
    "''",
    '"',
    '\\',
    '`id`',
    '$(id)',
    '#',
    '!',
    '*',
    '\n',
    '\t',
    ';',
    '&',
    '~',
    '{a,b}',
  ]
  const words = [...texts, ...awkward]
  const script = `printf '%s\\0' ${words.map(shellWord).join(' ')}`
  const read = execFileSync('sh', ['-c', script], { encoding: 'utf8' }).split('\0').slice(0, -1)
  expect(read).toEqual(words)
})
