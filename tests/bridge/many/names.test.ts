import { expect, test } from 'vitest'
import { Names } from '../../../src/bridge/many/names.js'

const alpha = { name: 'alpha' }
const beta = { name: 'beta.example.org:8443' }

/** What is shown of these, when all are known. */
function shown(names: Names<{ readonly name: string }>, ...all: readonly [typeof alpha, string][]) {
  for (const [server, name] of all) names.note(server, name)
  return all.map(([server, name]) => names.shown(server, name))
}

test('names stay as they are but where two servers have the same one', () => {
  const names = new Names<typeof alpha>()
  const all = shown(names, [alpha, 'search'], [alpha, 'read'], [beta, 'search'], [beta, 'write'])
  expect(all).toEqual(['alpha_search', 'read', 'beta_example_org_8443_search', 'write'])
  expect(names.owner('beta_example_org_8443_search')).toEqual({ server: beta, name: 'search' })
  expect(names.owner('search')).toBeUndefined()
})

test('a name that was shown once stays with its server, whatever comes later', () => {
  const names = new Names<typeof alpha>()
  expect(shown(names, [alpha, 'search'])).toEqual(['search'])
  expect(shown(names, [alpha, 'search'], [beta, 'search'])).toEqual([
    'alpha_search',
    'beta_example_org_8443_search',
  ])
  expect(names.owner('search')).toEqual({ server: alpha, name: 'search' })
  // Nor is it given to the other one when the first has gone.
  expect(names.shown(beta, 'search')).toBe('beta_example_org_8443_search')
})

test('a server cannot take the name that another one is told apart by', () => {
  const names = new Names<typeof alpha>()
  const [one, other, lying] = shown(names, [alpha, 'search'], [beta, 'search'], [beta, 'alpha_search'])
  expect(new Set([one, other, lying]).size).toBe(3)
  expect(names.owner('alpha_search')).toEqual({ server: alpha, name: 'search' })
  expect(names.owner(lying ?? '')).toEqual({ server: beta, name: 'alpha_search' })
})

test.each([
  ['a.b', 'a/b'],
  ['ü', 'ö'],
  ['', ' '],
  ['x'.repeat(200), `${'x'.repeat(200)}y`],
])('%j and %j are told apart, in letters that clients take', (one, other) => {
  const names = new Names<typeof alpha>()
  const all = shown(names, [alpha, one], [alpha, other], [beta, one])
  expect(new Set(all).size).toBe(3)
  for (const name of all) expect(name).toMatch(/^[A-Za-z0-9_-]{1,64}$/)
  expect(all.map((name) => names.owner(name ?? '')?.name)).toEqual([one, other, one])
})

test('where both names are too long for one, that of the tool is kept', () => {
  const host = { name: 'mcp-weather-production.eu-west-1.internal.example.org' }
  const names = new Names<typeof alpha>()
  const tool = 'get_temperature_forecast'
  const [long] = shown(names, [host, tool], [alpha, tool])
  expect(long).toMatch(/^mcp-weather-production_eu-we.*_[0-9a-f]{8}_get_temperature_forecast$/)
  expect(long).toHaveLength(64)
  const twins = shown(names, [alpha, `${'x'.repeat(60)}_one`], [beta, `${'x'.repeat(60)}_one`])
  for (const name of twins) expect(name).toMatch(/^\w{1,16}_[0-9a-f]{8}_x{38,}$/)
})

test('one that is longer than any is left out', () => {
  const names = new Names<typeof alpha>()
  expect(shown(names, [alpha, 'x'.repeat(1000)], [alpha, 'y'.repeat(1001)])).toEqual([
    'x'.repeat(64),
    undefined,
  ])
})

test('do not depend on which server is there first, when both are', () => {
  const [one, other] = [new Names<typeof alpha>(), new Names<typeof alpha>()]
  const [a, b] = [[alpha, 'search'] as [typeof alpha, string], [beta, 'search'] as [typeof alpha, string]]
  expect(shown(one, a, b)).toEqual(shown(other, b, a).reverse())
})

test('a server that has ever new ones is not remembered for ever', () => {
  const names = new Names<typeof alpha>()
  for (let at = 0; at < 10_001; at++) names.note(alpha, `tool-${at}`)
  expect(names.shown(alpha, 'tool-9999')).toBe('tool-9999')
  expect(names.shown(alpha, 'tool-10000')).toBeUndefined()
  names.note(beta, 'tool-10000')
  expect(names.shown(beta, 'tool-10000')).toBe('tool-10000')
})
