import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isTrapUri, type PatternKind, patternOf } from '../../../src/auth/policy/pattern.js'

const table: readonly (readonly [PatternKind, string, readonly string[], readonly string[]])[] = [
  [
    'name',
    'getTemperature',
    ['getTemperature'],
    ['gettemperature', 'getTemperature ', 'getTemperatureX', ''],
  ],
  ['name', 'getFore*', ['getForecast', 'getFore'], ['getFore.cast', 'getFore/cast', 'xgetFore', 'getFor']],
  ['name', '*Fore*', ['getForecast', 'Fore'], ['get/Forecast', 'Fore.']],
  ['name', 'admin/*', ['admin/x'], ['admin/', 'admin', 'admin/x/y', 'admin/x.y']],
  ['name', '*/delete', ['a/delete'], ['/delete', 'a/b/delete', 'a.b/delete']],
  ['name', 'a/**', ['a/b', 'a/b/c', 'a/b.c'], ['a', 'a/', 'ab']],
  ['name', 'a/**/z', ['a/b/z', 'a/b/c/z', 'a/z/z'], ['a/z', 'a//z', 'a/b/zz']],
  ['name', 'a/**/b*/z', ['a/x/b/z', 'a/x/y/bc/z', 'a/b/b/z'], ['a/b/z', 'a/x/b/y/z']],
  ['name', 'a***', ['a', 'abc'], ['a/b']],
  ['name', '***', ['abc'], ['', 'a/b']],
  ['name', '*a*b*c', ['abc', 'xaxbxc', 'aabbcc', 'abcc'], ['acb', 'ab']],
  ['spiffe', 'spiffe://d/agent/*', ['spiffe://d/agent/a'], ['spiffe://d/agent/', 'spiffe://d/agent/a/b']],
  ['spiffe', 'spiffe://d/**', ['spiffe://d/a', 'spiffe://d/a/b'], ['spiffe://d', 'spiffe://dd/a']],
  ['spiffe', 'spiffe://d/a-*', ['spiffe://d/a-', 'spiffe://d/a-b.c'], ['spiffe://d/a-b/c']],
  ['dns', '*.example.com', ['a.example.com'], ['example.com', '.example.com', 'a.b.example.com']],
  ['dns', 'a*.example.com', ['a.example.com', 'ab.example.com'], ['ba.example.com']],
  ['dns', '**.example.com', ['a.example.com', 'a.b.example.com'], ['example.com', 'a.example.org']],
  ['email', '*@example.com', ['a@example.com', 'a.b@example.com'], ['@example.com', 'a@x.example.com']],
  ['email', 'bot-*@*.example.com', ['bot-@a.example.com'], ['bot-1@a.b.example.com', 'bot-1@example.com']],
  ['email', 'a@**.com', ['a@b.com', 'a@b.c.com'], ['a@com']],
  [
    'uri',
    'file:///srv/public/*',
    ['file:///srv/public/a.b'],
    ['file:///srv/public/', 'file:///srv/public/a/b'],
  ],
  [
    'uri',
    'file:///srv/public/**',
    ['file:///srv/public/a', 'file:///srv/public/a/b'],
    [
      'file:///srv/public',
      'file:///srv/public/',
      'file:///srv/public/../private',
      'file:///srv/public/a/./b',
      'file:///srv/public/..',
      'file:///srv/public/.. ',
      'file:///srv/public/%2e%2e/private',
      'file:///srv/public/%2E%2E/private',
      'file:///srv/public/..%2fprivate',
      'file:///srv/public/a%5cb',
      'file:///srv/public/..\\private',
      'file:///srv/public/a?b',
      'file:///srv/public/a#b',
      'FILE:///srv/public/a',
    ],
  ],
  ['uri', 'db://*/rows?id=*', ['db://a/rows?id=1'], ['db://a.b/rows?id=1', 'db://a/rows?id=1&all=1']],
  [
    'uri',
    'https://*.example.com/x',
    ['https://a.example.com/x'],
    ['https://u@a.example.com/x', 'https://a:1.example.com/x'],
  ],
  ['uri', 'https://*.example.com/x', [], ['https://evil/.example.com/x', 'https://evil?.example.com/x']],
  ['uri', 'note://**', ['note://a', 'note://a/b'], ['note://', 'note://a?b']],
  ['uri', 'file:///srv/public/../private', ['file:///srv/public/../private'], ['file:///srv/private']],
]

describe.each(table)('%s %s', (kind, text, fitting, others) => {
  const { matches } = patternOf(text, kind)
  test.each(fitting.map((name) => [name]))('fits %j', (name) => {
    expect(matches(name)).toBe(true)
  })
  test.each(others.map((name) => [name]))('does not fit %j', (name) => {
    expect(matches(name)).toBe(false)
  })
})

test.each([
  ['file:///srv/public/**', 'file:///srv/', true],
  ['file:///srv/public/**', 'file:///srv/public/', true],
  ['file:///srv/public/**', 'file:///srv/public/a/', true],
  ['file:///srv/public/**', 'file:///srv/private/', false],
  ['file:///srv/public/*', 'file:///srv/public/a', true],
  ['file:///srv/public/*', 'file:///srv/public/a/', false],
  ['file:///srv/a', 'file:///srv/', true],
  ['file:///srv/a', 'file:///srv/a/', false],
  ['file:///**', 'file:///a/../', false],
  ['file:///**', '', true],
])('%s can begin like %s: %s', (text, prefix, expected) => {
  expect(patternOf(text, 'uri').canBegin(prefix)).toBe(expected)
})

test('a URI that another reader may take for a different one is a trap, and no other', () => {
  for (const uri of [
    'a/..',
    '../a',
    'a/./b',
    '.',
    'a/%2E',
    'a\\b',
    'a/..?x',
    ' a',
    'a\n',
    'docs://pub//etc',
    'a//b',
    'a/..%20/b',
  ])
    expect(isTrapUri(uri)).toBe(true)
  for (const uri of ['a/..b', 'a/...', 'a/.git/b', 'a/b.', 'file:///a%20b', 'https://a/b?c=d//e', ''])
    expect(isTrapUri(uri)).toBe(false)
})

/** What a pattern means, by trying everything: as slow as it likes. */
function slowly(pattern: string, name: string, separators: string): boolean {
  if (pattern === '') return name === ''
  const stars = /^\*+/.exec(pattern)?.[0] ?? ''
  if (stars === '') return pattern[0] === name[0] && slowly(pattern.slice(1), name.slice(1), separators)
  throw new Error('stars are cut out before')
}

/** The same for whole patterns: segments are matched one by one. */
function bySegments(pattern: readonly string[], name: readonly string[]): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return name.length === 0
  if (first === '**') {
    return name.some(
      (_, at) => name.slice(0, at + 1).join('/') !== '' && bySegments(rest, name.slice(at + 1)),
    )
  }
  const [segment, ...others] = name
  return segment !== undefined && oneSegment(first, segment) && bySegments(rest, others)
}

function oneSegment(pattern: string, segment: string): boolean {
  if (/^\*+$/.test(pattern)) return segment !== ''
  if (!pattern.includes('*')) return slowly(pattern, segment, '/')
  const [head = '', ...rest] = pattern.split('*')
  if (!segment.startsWith(head)) return false
  const remaining = segment.slice(head.length)
  return Array.from({ length: remaining.length + 1 }, (_, at) => remaining.slice(at)).some((tail) =>
    rest.length === 1
      ? tail === rest[0]
      : oneSegment(rest.join('*'), tail) ||
        (rest[0] === '' && oneSegment(`*${rest.slice(1).join('*')}`, tail)),
  )
}

const segment = fc.array(fc.constantFrom('a', 'b'), { maxLength: 3 }).map((letters) => letters.join(''))
const patternSegment = fc.oneof(fc.constantFrom('**', '*', 'a*', '*b', 'a*b', '*a*'), segment)

test('it means the same as trying every way to fit', () => {
  fc.assert(
    fc.property(
      fc.array(patternSegment, { minLength: 1, maxLength: 5 }),
      fc.array(segment, { minLength: 1, maxLength: 6 }),
      (pattern, name) => {
        expect(patternOf(pattern.join('/'), 'name').matches(name.join('/'))).toBe(bySegments(pattern, name))
      },
    ),
    { numRuns: 3000 },
  )
})

test('no star alone crosses a separator, whatever stands around it', () => {
  const kinds = [
    ['name', '/.'],
    ['dns', '.'],
    ['spiffe', '/'],
    ['uri', '/?#'],
    ['email', '@'],
  ] as const
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 4 })
  fc.assert(
    fc.property(
      fc.constantFrom(...kinds),
      letters,
      letters,
      fc.string(),
      ([kind, separators], head, tail, middle) => {
        fc.pre([...separators].some((separator) => middle.includes(separator)))
        expect(patternOf(`${head}*${tail}`, kind).matches(head + middle + tail)).toBe(false)
      },
    ),
  )
})

test('whatever a pattern matches, names that begin like that can begin it', () => {
  const alphabet = fc.constantFrom('a', 'b', '/', '*', '**', '.')
  fc.assert(
    fc.property(
      fc.array(alphabet),
      fc.array(fc.constantFrom('a', 'b', '/')),
      fc.nat(),
      (pattern, name, cut) => {
        const { matches, canBegin } = patternOf(pattern.join(''), 'uri')
        const text = name.join('')
        if (matches(text)) expect(canBegin(text.slice(0, cut % (text.length + 1)))).toBe(true)
      },
    ),
    { numRuns: 3000 },
  )
})

test('two stars before the end of a host stay in the host', () => {
  const { matches } = patternOf('https://**.example.com/**', 'uri')
  for (const uri of ['https://a.example.com/x', 'https://a.b.example.com/x/y'])
    expect(matches(uri)).toBe(true)
  for (const host of ['evil.example/', 'evil.example/a', 'evil.example:80/a', 'u@a', 'evil.example:80'])
    expect(matches(`https://${host}.example.com/x`)).toBe(false)
})

test('twenty stars look at each character a bounded number of times', () => {
  /** How often characters of a name of this length are asked for. */
  const looks = (length: number) => {
    let count = 0
    const name = new Proxy(Object('a'.repeat(length)), {
      get(text, key) {
        const value = text[key]
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => {
          count += 1
          return value.apply(text, args)
        }
      },
    })
    expect(patternOf(`${'a*'.repeat(20)}b`, 'name').matches(name)).toBe(false)
    return count
  }
  const [short, long] = [looks(1000), looks(2000)]
  expect(long).toBeLessThan(2.1 * short)
})
