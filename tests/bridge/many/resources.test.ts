import { expect, test } from 'vitest'
import { Resources } from '../../../src/bridge/many/resources.js'

test('a resource is of the first server that lists it, then of the first whose template it fits', () => {
  const resources = new Resources(['one', 'two'])
  resources.noteTemplates('one', ['file:///{+path}.md', 'x://{a}/{b}'])
  resources.noteUris('two', ['file:///a.md', 'x://both'])
  resources.noteUris('one', ['x://both'])
  expect(resources.owner('x://both')).toBe('one')
  expect(resources.owner('file:///a.md')).toBe('two')
  expect(resources.owner('file:///b/c.md')).toBe('one')
  expect(resources.owner('x://1/2')).toBe('one')
  expect(resources.owner('file:///a.txt')).toBeUndefined()
  expect(resources.owner('y://1/2')).toBeUndefined()
  expect(resources.owner('x://{a}/{b}')).toBe('one') // completion names the template itself
})

test('a template of many parts does not take long', () => {
  const resources = new Resources(['one'])
  resources.noteTemplates('one', ['{a}x'.repeat(2000)])
  expect(resources.owner('x'.repeat(1999))).toBeUndefined()
  expect(resources.owner('y'.repeat(100_000))).toBeUndefined()
  expect(resources.owner('x'.repeat(2000))).toBe('one')
})
