import { expect, it } from 'vitest'
import { fold } from '../../src/places/fold.js'

it.each([
  ['São Paulo', 'sao paulo'],
  ['ZÜRICH', 'zurich'],
  ['Łódź', 'lodz'],
  ['Århus', 'arhus'],
  ['Straßburg', 'strassburg'],
  ['İzmir', 'izmir'],
  ['St. Gallen', 'saint gallen'],
  ['Washington, D.C.', 'washington dc'],
  ['U. S. A.', 'usa'],
  ["L'Aquila", 'laquila'],
  ['Stratford-upon-Avon', 'stratford upon avon'],
  ['Antigua & Barbuda', 'antigua and barbuda'],
  ['  two   words ', 'two words'],
  ['東京', '東京'],
  ['\u0000!?', ''],
])('files %j under %j', (name, key) => {
  expect(fold(name)).toBe(key)
  expect(fold(key)).toBe(key)
})
