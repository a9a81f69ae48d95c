import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { limitsSchema } from '../../src/config/limits.js'

test('what the type of the limits says of their defaults is so', () => {
  const source = readFileSync(new URL('../../src/config/limits.ts', import.meta.url), 'utf8')
  const said = [...source.matchAll(/\/\*\*.*; default (\d+).*\*\/\n\s+readonly (\w+)\?/g)]
  expect(Object.fromEntries(said.map(([, value, name]) => [name, Number(value)]))).toEqual(
    limitsSchema.parse({}),
  )
})
