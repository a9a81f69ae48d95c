import { describe, expect, test } from 'vitest'
import { nearNames } from '../../src/cli/mcp/near.js'
import { kindText, usageText } from '../../src/cli/mcp/schema.js'
import { toolArguments } from '../../src/cli/mcp/tool-arguments.js'
import { refusalOf } from '../support/refusal.js'

const schema = {
  type: 'object',
  properties: {
    city: { type: 'string', minLength: 1, maxLength: 100 },
    days: { type: 'integer', minimum: 1, maximum: 7 },
    ratio: { type: 'number' },
    deep: { type: 'boolean' },
    unit: { enum: ['C', 'F', 3, null] },
    maybe: { anyOf: [{ type: 'string' }, { type: 'null' }] },
    either: { type: ['string', 'number'] },
    tags: { type: 'array', items: { type: 'string' } },
    counts: { type: 'array', items: { $ref: '#/$defs/count' } },
    address: {
      type: 'object',
      properties: { street: { type: 'string' }, geo: { $ref: '#/$defs/geo' } },
    },
    'dotted.name': { type: 'integer' },
    free: {},
    kind: { const: 'fixed' },
  },
  required: ['city'],
  $defs: {
    count: { type: 'integer' },
    geo: { type: 'object', properties: { lat: { type: 'number' } }, required: ['lat'] },
    loop: { $ref: '#/$defs/loop' },
  },
}

const nothing = async () => ''

function typed(words: readonly string[], against: unknown = schema, read = nothing) {
  return toolArguments(words, against, read).then((values) => JSON.parse(JSON.stringify(values)))
}

/** The same with what is required. */
const withCity = async (...words: string[]) => {
  const { city, ...rest } = await typed(['city=Oslo', ...words])
  expect(city).toBe('Oslo')
  return rest
}

describe('key=value', () => {
  test.each<[string[], object]>([
    [['days=3'], { days: 3 }],
    [['ratio=-1.5e3'], { ratio: -1500 }],
    [['deep=true'], { deep: true }],
    [['unit=F'], { unit: 'F' }],
    [['unit=3'], { unit: 3 }],
    [['unit=null'], { unit: null }],
    [['maybe=null'], { maybe: null }],
    [['maybe=nil'], { maybe: 'nil' }],
    [['maybe='], { maybe: '' }],
    [['either=5'], { either: 5 }],
    [['either:="5"'], { either: '5' }],
    [['either=5 apples'], { either: '5 apples' }],
    [['tags=a', 'tags=b=c'], { tags: ['a', 'b=c'] }],
    [['tags=["a","b"]', 'tags=c'], { tags: ['a', 'b', 'c'] }],
    [['counts=1', 'counts=2'], { counts: [1, 2] }],
    [['address.street=Main', 'address.geo.lat=59.9'], { address: { street: 'Main', geo: { lat: 59.9 } } }],
    [['address={"street":"Main"}', 'address.geo.lat=1'], { address: { street: 'Main', geo: { lat: 1 } } }],
    [['dotted.name=1'], { 'dotted.name': 1 }],
    [['free=true'], { free: true }],
    [['free={"a":[1]}'], { free: { a: [1] } }],
    [['free=text'], { free: 'text' }],
    [['kind=fixed'], { kind: 'fixed' }],
    [['address:={"geo":{"lat":2}}'], { address: { geo: { lat: 2 } } }],
  ])('%j is %j', async (words, values) => {
    expect(await withCity(...words)).toEqual(values)
  })

  test('text stays text where text is wanted, whatever it looks like', async () => {
    for (const text of ['5', 'true', 'null', '{"a":1}', '[1]', ' x ', 'a=b', '@me', 'Zürich'])
      expect(await typed([`city=${text}`])).toEqual({ city: text })
  })

  test.each<[string[], RegExp, RegExp?]>([
    [['days=three'], /^days: "three" is not an integer from 1 to 7$/],
    [['days=1.5'], /^days: "1.5" is not an integer/],
    [['days=9007199254740993'], /^days: "9007199254740993" is larger than JSON carries exactly$/],
    [['deep=yes'], /^deep: "yes" is not a boolean$/],
    [['unit=K'], /^unit: "K" is not one of C \| F \| 3 \| null$/],
    [['counts=x'], /^counts: "x" is not an integer$/],
    [['address=Main'], /^address: "Main" is not an object$/],
    [['address={"street"'], /^address: .* is not valid JSON/],
    [['address:={'], /^address: not valid JSON/],
    [['days=1', 'days=2'], /^days is given twice$/],
    [['cty=Oslo'], /^unknown argument "cty"$/, /^Did you mean city\? Arguments: city=string/],
    [['address.stret=x'], /^unknown argument "address.stret"$/],
    [['Oslo'], /^"Oslo" is no argument: expected key=value, or JSON$/],
    [['=x'], /^"=x" is no argument/],
    [['{"city":"Oslo"}', '{"days":1}'], /^the arguments are given as JSON twice$/],
    [['{"city":'], /^the arguments: not valid JSON/],
    [['[1]'], /^the arguments must be a JSON object$/],
    [[], /^missing: city \(string from 1 to 100 characters\)$/, /^Arguments: city=/],
  ])('%j: %s', async (words, message, hint = /^Arguments: /) => {
    const refused = await refusalOf(typed(words))
    expect(refused.code).toBe('CONFIG_INVALID')
    expect(refused.message).toMatch(message)
    if (!/^unknown/.test(refused.message) || hint.source.startsWith('^Did'))
      expect(refused.hint).toMatch(hint)
  })

  test('a key that no schema declares is taken where the schema is open, and refused where it is closed', async () => {
    expect(await typed(['a=1', 'b=x'], { type: 'object' })).toEqual({ a: 1, b: 'x' })
    const open = { type: 'object', properties: {}, additionalProperties: { type: 'string' } }
    expect(await typed(['a=1'], open)).toEqual({ a: '1' })
    const closed = { type: 'object', additionalProperties: false }
    const { hint } = await refusalOf(typed(['a=1'], closed))
    expect(hint).toBe('It takes no arguments.')
  })

  test('names that JavaScript has a use for are keys like others', async () => {
    const words = ['__proto__=1', 'constructor=2', 'toString=3']
    const values = await toolArguments(words, { type: 'object' }, nothing)
    expect(JSON.stringify(values)).toBe('{"__proto__":1,"constructor":2,"toString":3}')
    expect(Object.getPrototypeOf({ ...values })).toBe(Object.prototype)
    const own = Object.getOwnPropertyNames(await toolArguments(['{"__proto__":{"x":1}}'], {}, nothing))
    expect(own).toEqual(['__proto__'])
  })
})

test('JSON comes as a word, from stdin or from a file; words of their own are added', async () => {
  const asked: unknown[] = []
  const read = async (source: unknown) => {
    asked.push(source)
    return '\uFEFF{ "city": "Lima", "days": 2 }'
  }
  expect(await typed(['{"city":"Lima"}', 'days=1'])).toEqual({ city: 'Lima', days: 1 })
  expect(await toolArguments(['-'], schema, read)).toEqual({ city: 'Lima', days: 2 })
  expect(await toolArguments(['@args.json', 'deep=true'], schema, read)).toEqual({
    city: 'Lima',
    days: 2,
    deep: true,
  })
  expect(asked).toEqual([{ stdin: true }, { path: 'args.json' }])
  const { message } = await refusalOf(toolArguments(['-'], schema, nothing))
  expect(message).toBe('the arguments: empty')
})

test('a schema that refers to itself, or is none, ends', async () => {
  const loop = { $ref: '#/properties/a', properties: { a: { $ref: '#/properties/a' } } }
  expect(kindText({ $ref: '#/properties/a' }, loop)).toBe('anything')
  const nest: Record<string, unknown> = { anyOf: [] }
  ;(nest.anyOf as unknown[]).push(nest, nest)
  expect(kindText(nest)).toBe('anything')
  const all: Record<string, unknown> = { properties: { x: { type: 'integer' } } }
  all.allOf = [all]
  expect(usageText(all)).toBe('[x=integer]')
  for (const odd of [null, true, 7, 'x', [], { properties: 7, required: 'x', type: {} }])
    expect(await typed(['{"a":1}'], odd)).toEqual({ a: 1 })
})

test('a usage line escapes what a server wrote, and is cut', () => {
  const hostile = { properties: { [`\u001b[2J${'x'.repeat(1000)}`]: { type: 'string' } } }
  expect(usageText(hostile)).toMatch(/^\[\\x1b\[2Jx+…=string\]$/)
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, n) => [`n${n}`, {}]))
  expect(usageText({ properties: many })).toMatch(/ …$/)
})

test.each([
  ['getForcast', ['getForecast', 'getTemperature'], ['getForecast']],
  ['get_forecast', ['getForecast', 'echo'], ['getForecast']],
  ['forecast', ['getForecast', 'echo'], ['getForecast']],
  ['whoma', ['whoami', 'echo'], ['whoami']],
  ['xyz', ['getForecast', 'echo'], []],
])('near %s among %j is %j', (name, names, near) => {
  expect(nearNames(name, names)).toEqual(near)
})
