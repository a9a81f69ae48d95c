import { expect, test } from 'vitest'
import { mergedCaching, mergedCapabilities, mergedInstructions } from '../../../src/bridge/many/merge.js'

test('capabilities are those of any, and lists change when a server comes or goes', () => {
  const one = { tools: {}, resources: { subscribe: true }, experimental: { a: {} } }
  const other = { tools: { listChanged: false }, logging: {}, experimental: { b: { c: 1 } } }
  expect(mergedCapabilities([one, other], true)).toEqual({
    tools: { listChanged: true },
    resources: { subscribe: true, listChanged: true },
    logging: {},
    experimental: { a: {}, b: { c: 1 } },
  })
})

test('while one has not said what it has, everything that is listed is promised', () => {
  const listChanged = true
  expect(mergedCapabilities([{ logging: {} }], false)).toEqual({
    logging: {},
    tools: { listChanged },
    prompts: { listChanged },
    resources: { listChanged },
  })
  expect(mergedCapabilities([{ logging: {} }], true)).toEqual({ logging: {} })
})

test('an answer of several is kept as long as that of the most careful, by as few', () => {
  const held = { resultType: 'complete', ttlMs: 5000, cacheScope: 'public' }
  expect(mergedCaching([held, { ...held, ttlMs: 9000 }], true)).toEqual(held)
  expect(mergedCaching([held, { ...held, cacheScope: 'private' }], true)).toMatchObject({
    cacheScope: 'private',
  })
  expect(mergedCaching([held, { resultType: 'complete' }], true)).toMatchObject({ ttlMs: 0 })
  expect(mergedCaching([{}, {}], true)).toEqual({})
})

test('an answer that one has not yet part in is not kept: the next one may have more', () => {
  const held = { resultType: 'complete', ttlMs: 3_600_000, cacheScope: 'public' }
  expect(mergedCaching([held], false)).toMatchObject({ ttlMs: 0 })
})

test('instructions stand under the names of their servers; those that say nothing have none', () => {
  const all = [
    ['one', ' First. '],
    ['two', '  '],
    ['three', undefined],
    ['four', 'Fourth.'],
  ] as const
  expect(mergedInstructions(all)).toBe('## one\n\nFirst.\n\n## four\n\nFourth.')
  expect(mergedInstructions(all.slice(1, 3))).toBeUndefined()
})
