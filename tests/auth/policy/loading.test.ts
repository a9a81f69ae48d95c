import { expect, test } from 'vitest'
import { readSources } from '../../architecture/sources.js'

const room = readSources().filter(({ path }) => path.startsWith('src/auth/policy/'))

test.each([
  ['yaml', ['yaml-document.ts']],
  ['re2js', ['regex.ts']],
  // Of the second, types alone.
  ['@marcbachmann/cel-js', ['condition-syntax.ts', 'condition.ts']],
])('%s is known to one place', (library, files) => {
  const knowing = room.filter(({ imports }) => imports.includes(library))
  expect(knowing.map(({ path }) => path.replace('src/auth/policy/', '')).sort()).toEqual(files)
})

test.each(['yaml-document', 'regex', 'condition'])('%s is loaded when a policy needs it', (name) => {
  const importing = room.filter(({ imports }) => imports.includes(`./${name}.js`))
  expect(importing.length).toBeGreaterThan(0)
  for (const { path, text } of importing) {
    const eager = new RegExp(
      `^(?:import (?!type )|export )(?:(?!^import )[\\s\\S])*? from '\\./${name}\\.js'`,
      'm',
    )
    expect({ path, isEager: eager.test(text) }).toEqual({ path, isEager: false })
  }
})

test('the types of the library are all that the syntax of conditions takes from it', () => {
  const { text } = room.find(({ path }) => path.endsWith('/condition-syntax.ts')) ?? { text: '' }
  expect(text).toContain("import type { ASTNode } from '@marcbachmann/cel-js'")
})
