import { describe, expect, test } from 'vitest'
import { argumentsView } from '../../../src/auth/policy/arguments.js'
import { type ConditionInput, conditionOf, type Verdict } from '../../../src/auth/policy/condition.js'
import { nobody } from '../../../src/auth/policy/subject.js'

const input: ConditionInput = {
  subject: {
    ...nobody,
    id: 'spiffe://example.org/agent',
    verified: true,
    spiffeId: 'spiffe://example.org/agent',
    subjectAltNames: ['spiffe://example.org/agent', 'dns:a.example.com'],
    subjectCn: 'agent',
    issuer: 'CN=CA',
    serial: 'a1',
    fingerprint256: 'ff',
  },
  address: '10.1.2.3',
  server: 'weather-mcp',
  method: 'tools/call',
  tool: 'getForecast',
  arguments: argumentsView({
    days: 3,
    city: 'Tokyo',
    deep: { list: [1, 2, { a: null }] },
    yes: true,
    nothing: null,
    constructor: 'mine',
    cities: ['Oslo', 'Rome'],
  }),
  resource: '',
  prompt: '',
  now: new Date('2026-03-04T05:06:07Z'),
}

async function read(text: string) {
  const read = await conditionOf(text)
  if (!('value' in read)) throw new Error(`${text}: ${read.message}`)
  return read.value
}

async function verdict(text: string, changes: Partial<ConditionInput> = {}): Promise<Verdict> {
  return (await read(text)).judge({ ...input, ...changes })
}

async function withArguments(text: string, raw: unknown): Promise<Verdict> {
  return await verdict(text, { arguments: argumentsView(raw) })
}

describe('what holds', () => {
  test.each([
    'mcp.tool.arguments.days <= 3',
    'mcp.tool.arguments.days == 3',
    'mcp.tool.arguments.days in [1, 3]',
    'int(mcp.tool.arguments.days) + 1 == 4',
    'mcp.tool.arguments.city.startsWith("To") && mcp.tool.name == "getForecast"',
    'mcp.tool.arguments["city"] == "Tokyo"',
    'mcp.tool.arguments.deep.list.size() == 3',
    'mcp.tool.arguments.deep.list[2].a == null',
    'has(mcp.tool.arguments.city) && !has(mcp.tool.arguments.town)',
    '"city" in mcp.tool.arguments',
    'mcp.tool.arguments.constructor == "mine"',
    '!has(mcp.tool.arguments.toString) && !("__proto__" in mcp.tool.arguments)',
    'mcp.tool.arguments.yes',
    'mcp.tool.arguments.cities.all(city, city.size() == 4)',
    'mcp.tool.arguments.cities.filter(c, c > "P").map(c, c) == ["Rome"]',
    'source.id == "spiffe://example.org/agent" && source.spiffeId == source.id',
    'source.subjectAltNames.exists(name, name == "dns:a.example.com")',
    '"dns:a.example.com" in source.subjectAltNames',
    'source.subjectCn == "agent" && source.issuer == "CN=CA" && source.serial == "a1" && source.fingerprint256 == "ff"',
    'mcp.server == "weather-mcp" && mcp.method == "tools/call"',
    'mcp.resource.uri == "" && mcp.prompt.name == ""',
    'now > timestamp("2026-03-04T05:06:06Z") && now.getHours() == 5',
    'now.getHours("Asia/Tokyo") == 14',
    'now - timestamp("2026-03-04T05:00:00Z") < duration("1h")',
    'mcp.tool.arguments.city.contains("oky") && mcp.tool.arguments.city.indexOf("k") == 2',
    'source.id.contains(mcp.tool.arguments.city) || source.id.contains("agent")',
    'mcp.tool.arguments.cities.exists(c, c.contains("sl"))',
    'inCidr(source.address, "10.0.0.0/8")',
    '!inCidr(source.address, "10.2.0.0/16") && !inCidr(source.address, "fd00::/8")',
    'fullMatch(mcp.tool.arguments.city, "[A-Z][a-z]+")',
    '!fullMatch(mcp.tool.arguments.city, "[a-z]+")',
    'mcp.tool.arguments.town == "x" || true',
    'true || mcp.tool.arguments.town == "x"',
    'mcp.tool.arguments.days == 3 ? true : mcp.tool.arguments.town',
  ])('%s', async (text) => {
    expect(await verdict(text)).toBe(true)
  })
})

describe('what fails to run is neither true nor false', () => {
  test.each([
    ['mcp.tool.arguments.town == "x"', 'No such key: town'],
    ['mcp.tool.arguments.days + 1 == 4', 'no such overload: dyn<double> + int'],
    ['mcp.tool.arguments.city < 3', 'no such overload: dyn<string> < int'],
    ['mcp.tool.arguments.city', 'it is neither true nor false'],
    ['mcp.tool.arguments.toString == "x"', 'No such key: toString'],
    ['mcp.tool.arguments.cities.exists(c, c.town == 1)', 'No such key: town'],
    ['inCidr(mcp.tool.arguments.city, "10.0.0.0/8")', '"Tokyo" is not an IP address'],
    ['mcp.tool.arguments.days', 'it is neither true nor false'],
  ])('%s', async (text, failed) => {
    expect(await verdict(text)).toEqual({ failed })
  })

  test('arguments that are no object', async () => {
    for (const raw of [null, 'text', 7, [1], true])
      expect(await withArguments('mcp.tool.arguments.days == 3', raw)).toMatchObject({
        failed: expect.any(String),
      })
    expect(await withArguments('mcp.tool.arguments.size() == 0', undefined)).toBe(true)
  })

  test('a text that is too long for a regular expression', async () => {
    const condition = 'fullMatch(mcp.tool.arguments.text, "(a|b)*")'
    expect(await withArguments(condition, { text: 'ab'.repeat(10_000) })).toBe(true)
    expect(await withArguments(condition, { text: `${'ab'.repeat(10_000)}a` })).toEqual({
      failed: 'fullMatch() looks at 20000 characters at most',
    })
  })
})

describe('what is refused at load', () => {
  test.each([
    ['', 'the condition is empty'],
    ['mcp.tool.arguments.days <=', 'Unexpected token: EOF'],
    ['"yes"', 'the condition is a string, not true or false'],
    ['source.idd == "x"', 'there is no variable "source.idd"'],
    ['sources.id == "x"', 'there is no variable "sources.id"'],
    ['mcp == mcp', '"mcp" is not a value itself'],
    ['mcp.tool == mcp.tool', '"mcp.tool" is not a value itself'],
    ['has(mcp.tool)', '"mcp.tool" is not a value itself'],
    ['mcp["tool"]["arguments"].x == 1', '"mcp" is not a value itself'],
    ['[mcp].exists(m, m.tool.arguments.x == 1)', '"mcp" is not a value itself'],
    ['source.id == 1', 'no such overload: string == int'],
    ['source.id', 'the condition is a string, not true or false'],
    ['source.id.startsWith(1)', "found no matching overload for 'string.startsWith(int)'"],
    ['source.id.matches("^(a+)+$")', 'matches() is not supported: its time can grow without bound'],
    ['source.id.foo()', 'there is no function "foo"'],
    ['foo(1)', 'there is no function "foo"'],
    ['bytes("{}").json().a == 1', 'there is no function "bytes"'],
    ['source.id.json().a == 1', 'there is no function "json"'],
    ['cel.bind(a, 1, a == 1)', 'there is no variable "cel"'],
    ['type(1) == int', 'there is no function "type"'],
    ['source.id.lowerAscii() == "a"', 'there is no function "lowerAscii"'],
    ['[1].all(x, [2].all(y, x == y))', 'a loop inside a loop'],
    ['[[1]].map(x, x.map(y, y)).size() == 1', 'a loop inside a loop'],
    ['[1].exists(source, source == 1)', '"source" is a variable already'],
    ['fullMatch(source.id, source.issuer)', 'fullMatch() needs a text that stands in the condition itself'],
    ['fullMatch(source.id, "(?=a)")', '"(?=a)" is not a pattern'],
    ['fullMatch(source.id, "(")', '"(" is not a pattern'],
    ['inCidr(source.address, source.id)', 'inCidr() needs a text that stands in the condition itself'],
    ['inCidr(source.address, "10.0.0.0")', '"10.0.0.0" is not a network'],
    ['inCidr(source.address, "10.0.0.0/33")', '"10.0.0.0/33" is not a network'],
    ['inCidr(source.address, "::ffff:10.0.0.0/104")', '"::ffff:10.0.0.0/104" is not a network'],
    [
      'duration(mcp.tool.arguments.t) > duration("1s")',
      'duration() needs a text that stands in the condition itself',
    ],
    ['[now].exists(t, t.getHours("Asia/Tokyo") == 1)', 'a time zone inside a loop'],
    ...['contains(x)', 'indexOf(x) == 1', 'lastIndexOf(x) == 1'].flatMap((call): [string, string][] => {
      const message = `${call.replace(/\(.*/, '')}() looks for something of the caller in something of the caller`
      return [
        [`mcp.tool.arguments.t.${call.replace('(x', '(mcp.tool.arguments.u.v')}`, message],
        [`(mcp.tool.arguments.t + "a").${call.replace('(x', '(mcp.tool.name')}`, message],
        [`mcp.tool.arguments.l.exists(e, e.${call.replace('(x', '((true ? e : "b")')})`, message],
      ]
    }),
    ['now.getHours(source.id) == 1', 'getHours() needs a text that stands in the condition itself'],
    [`${'true && '.repeat(100)}true`, 'the condition is too large: Exceeded maxAstNodes (200)'],
    [`${'('.repeat(50)}true${')'.repeat(50)}`, 'the condition is too large: Exceeded maxDepth (24)'],
    [`${'!'.repeat(3999)}true`, 'the condition is too large'],
    [`"${'a'.repeat(4000)}" == source.id`, 'the condition is too large: longer than 4000 characters'],
  ])('%s', async (text, message) => {
    const read = await conditionOf(text)
    expect(read).toEqual({ message: expect.stringContaining(message), hint: expect.stringMatching(/.{10}/) })
  })

  test('200 names, values and operators are not too many', async () => {
    expect(await verdict(`${'true && '.repeat(99)}true`)).toBe(true)
  })
})

test.each([
  ['source.id == "a"', false, false, false],
  ['mcp.tool.name == "a"', false, false, false],
  ['mcp.resource.uri == "a"', false, false, true],
  ['mcp.tool.arguments.a == 1', true, false, false],
  ['has(mcp.tool.arguments.a)', true, false, false],
  ['mcp.tool.arguments == {}', true, false, false],
  ['mcp.tool.arguments["a"] == 1', true, false, false],
  ['mcp.tool.arguments.l.all(x, x == 1)', true, false, false],
  ['source.subjectAltNames.all(x, x == mcp.tool.arguments.a)', true, true, false],
  ['[1].all(x, x == 1 ? true : has(mcp.tool.arguments.a))', true, true, false],
])('what %s reads', async (text, readsArguments, readsArgumentsInLoop, readsResourceUri) => {
  expect(await read(text)).toMatchObject({ readsArguments, readsArgumentsInLoop, readsResourceUri })
})

describe('an address', () => {
  test.each([
    ['10.255.255.255', '10.0.0.0/8', true],
    ['11.0.0.0', '10.0.0.0/8', false],
    ['::ffff:10.1.2.3', '10.0.0.0/8', true],
    ['::ffff:a01:203', '10.0.0.0/8', true],
    ['::FFFF:10.1.2.3', '10.1.2.3/32', true],
    ['::ffff:10.1.2.3', '::/0', false],
    ['10.1.2.3', '::/0', false],
    ['1.2.3.4', '0.0.0.0/0', true],
    ['fe80::1%eth0', 'fe80::/10', true],
    ['2001:db8::1', '2001:db8::/32', true],
    ['2001:db9::1', '2001:db8::/32', false],
    ['::10.1.2.3', '10.0.0.0/8', false],
  ])('%s in %s: %s', async (address, network, expected) => {
    expect(await verdict(`inCidr(source.address, "${network}")`, { address })).toBe(expected)
  })

  test.each(['', '10.1.2', '10.1.2.3.evil.example', '010.1.2.3', 'localhost'])(
    '%j is none',
    async (address) => {
      expect(await verdict('inCidr(source.address, "0.0.0.0/0")', { address })).toMatchObject({
        failed: expect.stringContaining('is not an IP address'),
      })
    },
  )
})

describe('arguments', () => {
  test('10,000 elements are looked at, and one more is not', () => {
    const list = (length: number) => Array.from({ length }, () => 0)
    const map = (length: number) => Object.fromEntries(list(length).map((_, at) => [`k${at}`, 0]))
    for (const made of [list, map]) {
      expect(argumentsView({ a: { b: made(10_000) } })).toMatchObject({ isTooLarge: false, longest: 10_000 })
      expect(argumentsView({ a: { b: made(10_001) } }).isTooLarge).toBe(true)
    }
    expect(argumentsView(list(10_001)).isTooLarge).toBe(true)
  })

  test('what is nested more deeply than any call is not looked at', () => {
    const nested = (depth: number) => JSON.parse(`${'[0,'.repeat(depth)}0${']'.repeat(depth)}`)
    expect(argumentsView(nested(33)).isTooLarge).toBe(false)
    expect(argumentsView(nested(34)).isTooLarge).toBe(true)
    expect(argumentsView(nested(5000)).isTooLarge).toBe(true)
  })

  test('the weight is that of elements, keys and texts', () => {
    expect(argumentsView({ ab: 'cde', f: [1, 'gh'] })).toMatchObject({
      weight: 2 + 2 + 3 + 1 + 2 + 2,
      longest: 2,
    })
    expect(argumentsView(undefined)).toMatchObject({ weight: 0, longest: 0, isTooLarge: false })
  })

  test('keys of a caller are keys and nothing else', async () => {
    const raw = JSON.parse(
      '{"__proto__": {"admin": true}, "constructor": {"prototype": 1}, "hasOwnProperty": 1}',
    )
    expect(await withArguments('has(mcp.tool.arguments.admin)', raw)).toBe(false)
    expect(await withArguments('mcp.tool.arguments.__proto__.admin', raw)).toBe(true)
    expect(await withArguments('mcp.tool.arguments.size() == 3', raw)).toBe(true)
  })
})

test('a judgement leaves the traces of other errors as they were', async () => {
  const before = Error.stackTraceLimit
  await verdict('mcp.tool.arguments.town == 1')
  expect(Error.stackTraceLimit).toBe(before)
})

test('the library makes no types of what a caller nests, beyond lists of lists', async () => {
  const nested = (value: unknown) => withArguments('mcp.tool.arguments.a < 3', { a: value })
  const failed = 'no such overload: dyn<map<dyn, dyn>> < int'
  expect(await nested({})).toEqual({ failed })
  expect(await nested({ a: { b: [1] } })).toEqual({ failed })
  expect(await nested([{ a: [{ b: 1 }] }])).toEqual({
    failed: 'no such overload: dyn<list<map<dyn, dyn>>> < int',
  })
})

test('maps compare by what they hold', async () => {
  const condition = 'mcp.tool.arguments.a == mcp.tool.arguments.b'
  const value = { x: [1, { y: { z: 'w' } }], u: {} }
  expect(await withArguments(condition, { a: value, b: structuredClone(value) })).toBe(true)
  expect(await withArguments(condition, { a: value, b: { ...value, u: { v: 1 } } })).toBe(false)
  expect(await withArguments(condition, { a: value, b: { ...value, x: [1, { y: { z: 'v' } }] } })).toBe(false)
})
