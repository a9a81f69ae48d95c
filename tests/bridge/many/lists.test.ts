import { expect, test } from 'vitest'
import { fitted, type WholeList } from '../../../src/bridge/many/lists.js'

const MiB = 1024 * 1024

/** A list of so many entries of a mebibyte. */
function listOf(name: string, entries: number): WholeList {
  const all = Array.from({ length: entries }, (_, at) => ({ name: `${name}-${at}` }))
  const part = { name } as WholeList['part']
  return { part, entries: all, bytes: all.map(() => MiB), results: [], isCut: false }
}

const left = (lists: readonly WholeList[]) =>
  fitted(lists).map(({ part, entries, isCut }) => [part.name, entries.length, isCut])

test('lists that fit stay whole, in their order', () => {
  expect(left([listOf('one', 5), listOf('two', 0), listOf('three', 3)])).toEqual([
    ['one', 5, false],
    ['two', 0, false],
    ['three', 3, false],
  ])
})

test('who needs less than an equal share keeps everything; the others share what is left', () => {
  expect(left([listOf('huge', 50), listOf('small', 1), listOf('large', 9)])).toEqual([
    ['huge', 3, true],
    ['small', 1, false],
    ['large', 3, true],
  ])
  expect(left([listOf('huge', 50)])).toEqual([['huge', 8, true]])
})
