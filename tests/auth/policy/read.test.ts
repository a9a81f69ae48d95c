import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { printPolicy } from '../../../src/auth/policy/print.js'
import { type ReadOptions, readPolicy, requirePolicy } from '../../../src/auth/policy/read.js'
import type { Policy } from '../../../src/auth/policy/rule.js'
import { refusal } from '../../support/refusal.js'

const whole = `# who may call what
mode: enforce
rules:
  - name: reporting reads the weather
    allow: [spiffe://demo.local/agent/reporting, dns:Reporting.example.com]
    servers: [weather-mcp]
    tools: [getTemperature, "getFore*"]
    when: mcp.tool.arguments.days <= 3
    limit: { calls: 60, per: 1m, concurrent: 4 }
  - deny:
      - { serial: "0A:FF", issuer: "CN=CA,O=Example" }
      - dns: bad.example.com
        ca: example.org
      - anyone
    resources: ["file:///srv/**"]
    prompts: [p]
    methods: [tasks/get]
`

async function read(source: unknown, options?: ReadOptions): Promise<Policy> {
  return requirePolicy(await readPolicy(source, options), 'policy.yaml')
}

/** What is wrong, one line each: place, path, message and hint. */
async function problems(source: unknown): Promise<string[]> {
  const reading = await readPolicy(source)
  if (reading.ok) throw new Error('nothing was refused')
  for (const { code, hint } of reading.problems) {
    expect(code).toBe('POLICY_INVALID')
    expect(hint).toMatch(/^[A-Z].{7,}[.?"\]]$/su)
  }
  return reading.problems.map(({ line, column, path, message }) => `${line}:${column} ${path}: ${message}`)
}

const inRule = (text: string) => problems(`rules:\n  - allow: [anyone]\n    ${text}\n`)

test('a policy is read whole, and frozen', async () => {
  const policy = await read(whole)
  const [first, second] = policy.rules
  expect(policy.mode).toBe('enforce')
  expect(first).toMatchObject({
    name: 'reporting reads the weather',
    isNamed: true,
    line: 4,
    effect: 'allow',
    identities: [
      [{ kind: 'spiffe', value: 'spiffe://demo.local/agent/reporting' }],
      [{ kind: 'dns', value: 'reporting.example.com' }],
    ],
    servers: ['weather-mcp'],
    targets: { tools: ['getTemperature', 'getFore*'] },
    when: 'mcp.tool.arguments.days <= 3',
    condition: { readsArguments: true },
    limit: { calls: 60, perMs: 60_000, concurrent: 4 },
  })
  expect(second).toMatchObject({
    name: 'rules[1]',
    isNamed: false,
    line: 10,
    effect: 'deny',
    identities: [
      [
        { kind: 'serial', value: 'aff' },
        { kind: 'issuer', value: 'CN=CA,O=Example' },
      ],
      [
        { kind: 'dns', value: 'bad.example.com' },
        { kind: 'ca', value: 'example.org' },
      ],
      'anyone',
    ],
    servers: undefined,
    targets: { resources: ['file:///srv/**'], prompts: ['p'], methods: ['tasks/get'] },
    limit: undefined,
  })
  for (const value of [
    policy,
    policy.rules,
    first,
    first?.identities,
    first?.targets,
    first?.limit,
    first?.servers,
  ])
    expect(Object.isFrozen(value)).toBe(true)
})

test('JSON, also with tabs, a byte order mark and other line ends, is the same policy', async () => {
  const object = { mode: 'report', rules: [{ deny: ['cn:a'], tools: ['*'], when: 'mcp.server == "s"' }] }
  const expected = printPolicy(await read(object))
  for (const text of [
    JSON.stringify(object),
    JSON.stringify(object, null, '\t'),
    `\ufeff${JSON.stringify(object, null, 2).replaceAll('\n', '\r\n')}`,
  ])
    expect(printPolicy(await read(text))).toBe(expected)
  expect((await read(object)).rules[0]?.line).toBeNull()
})

test('no rules are a policy that denies all', async () => {
  expect((await read('rules: []')).rules).toEqual([])
  expect((await read({ rules: [] })).mode).toBe('enforce')
})

describe('the file as a whole', () => {
  test.each<[string, string[]]>([
    ['', ['1:1 : the file is empty']],
    ['# nothing\n', ['1:1 : the file is empty']],
    ['---\n', ['1:4 : the policy is empty']],
    ['rules:\n', ['1:7 rules: must be a list of rules (got nothing)']],
    ['rules: all', ['1:8 rules: must be a list of rules (got "all")']],
    ['mode: enforce\n', ['1:1 : rules: is missing']],
    ['- a\n', ['1:1 : a policy must be a mapping (got a list)']],
    [
      'rules: []\nrule: []\nRules: []\n',
      ['2:1 rule: unknown key "rule" in a policy', '3:1 Rules: unknown key "Rules" in a policy'],
    ],
    ['rules: []\nrules: []\n', ['2:1 rules: "rules" is there twice']],
    ['{"rules": [], "mode": "enforce", "rules": []}', ['1:34 rules: "rules" is there twice']],
    ['rules: []\n---\nrules: []\n', ['2:1 : a second document begins here']],
    ['mode: yes\nrules: []', ['1:7 mode: must be enforce or report (got "yes")']],
    ['mode: true\nrules: []', ['1:7 mode: must be enforce or report (got true)']],
    ['%YAML 1.1\n---\nrules: []', ['1:1 : directives (%) are not allowed']],
    ['# c\n%TAG ! !x\n---\nrules: []', ['1:1 : directives (%) are not allowed']],
    ['rules: &all []', ['1:13 rules: anchors (&) are not allowed']],
    ['&k rules: []', ['1:4 : anchors (&) are not allowed']],
    ['rules: !!seq []', ['1:14 rules: tags (!) are not allowed']],
    ['rules: !mine []', ['1:14 rules: tags (!) are not allowed']],
    ['<<: { mode: report }\nrules: []', ['1:1 <<: unknown key "<<" in a policy']],
    ['[1]: x\nrules: []', ['1:1 : a key must be a word']],
    ['rules:\n\t- allow: [anyone]', ['2:1 : Tabs are not allowed as indentation']],
    ['rules: [', ['1:9 : Flow sequence in block collection must be sufficiently indented and end with a ]']],
    ['['.repeat(100_000), ['1:1 : nested too deeply']],
    ['- '.repeat(100_000), ['1:1 : nested too deeply']],
    [`rules: []\n#${'x'.repeat(1_000_000)}`, ['1:1 : longer than 1000000 characters']],
  ])('%#', async (text, expected) => {
    expect(await problems(text)).toEqual(expected)
  })

  test.each([[null], [undefined], [7], [() => {}], [new Date()], [[]], [new Map()]])(
    'an object that is none: %s',
    async (source) => {
      expect((await problems(source)).length).toBe(1)
    },
  )

  test('an object that throws or never ends', async () => {
    const throwing = {
      get rules() {
        throw new Error('not now')
      },
    }
    expect(await problems(throwing)).toEqual(['null:null : cannot be read: not now'])
    const endless: { rules: unknown[] } = { rules: [] }
    endless.rules.push(endless)
    expect((await problems(endless)).length).toBeGreaterThan(0)
  })
})

describe('a rule', () => {
  test.each<[string, string[]]>([
    ['tools: [a]\n    tool: [a]', ['4:5 rules[0].tool: unknown key "tool" in a rule']],
    ['tools: [a]\n    tools: [b]', ['4:5 rules[0].tools: "tools" is there twice']],
    ['tools: []', ['3:12 rules[0].tools: an empty list of tools']],
    ['tools:', ['3:11 rules[0].tools: must be a list of tools (got nothing)']],
    ['tools: a', ['3:12 rules[0].tools: must be a list of tools (got "a")']],
    [
      'tools: [7, true, null, ~, 1.5, {a: b}, [c]]',
      [
        '3:13 rules[0].tools[0]: a name must be a string (got 7)',
        '3:16 rules[0].tools[1]: a name must be a string (got true)',
        '3:22 rules[0].tools[2]: a name must be a string (got nothing)',
        '3:28 rules[0].tools[3]: a name must be a string (got nothing)',
        '3:31 rules[0].tools[4]: a name must be a string (got 1.5)',
        '3:36 rules[0].tools[5]: a name must be a string (got a mapping)',
        '3:44 rules[0].tools[6]: a name must be a string (got a list)',
      ],
    ],
    ['tools: [*]', ['3:13 rules[0].tools[0]: aliases (*) are not allowed']],
    ['tools: [""]', ['3:13 rules[0].tools[0]: a name is empty']],
    ['tools: ["a\\0b"]', ['3:13 rules[0].tools[0]: a name has control characters']],
    ['tools: ["a\\nb"]', ['3:13 rules[0].tools[0]: a name has control characters']],
    ['servers: [s]', ['2:5 rules[0]: a rule names what it is about']],
    ['tools: [a]\n    servers: []', ['4:14 rules[0].servers: an empty list of servers']],
    ['tools: [a]\n    deny: [anyone]', ['2:5 rules[0]: a rule has either allow: or deny:']],
    [
      'resources: ["file:///a/../**"]',
      [
        '3:17 rules[0].resources[0]: a pattern with a star never matches a URI with dot segments, escaped dots and slashes, or backslashes',
      ],
    ],
    ['methods: ["tasks/*"]', ['3:15 rules[0].methods[0]: methods: takes whole names']],
    ['methods: [tools/call]', ['3:15 rules[0].methods[0]: tools/call is judged by what it names']],
    ['tools: [a]\n    name: 7', ['4:11 rules[0].name: name must be a string (got 7)']],
    [
      'tools: [a]\n    name: "rules[0]"',
      ['4:11 rules[0].name: "rules[0]" is what a rule without a name is called'],
    ],
    ['tools: [a]\n    when: true', ['4:11 rules[0].when: when must be a string (got true)']],
    [
      'tools: [a]\n    when: mcp.tool.argument.x == 1',
      ['4:11 rules[0].when: there is no variable "mcp.tool.argument.x"'],
    ],
    ['tools: [a]\n    limit: {}', ['4:12 rules[0].limit: a limit without a number']],
    ['tools: [a]\n    limit: 60', ['4:12 rules[0].limit: a limit must be a mapping (got 60)']],
    ['tools: [a]\n    limit: { calls: 60 }', ['4:12 rules[0].limit: calls: and per: come together']],
    [
      'tools: [a]\n    limit: { per: 1m, concurrent: 1 }',
      ['4:12 rules[0].limit: calls: and per: come together'],
    ],
    [
      'tools: [a]\n    limit: { calls: 0, per: 1d, concurrent: 1.5 }',
      [
        '4:21 rules[0].limit.calls: calls must be a whole number from 1 to 1000000 (got 0)',
        '4:29 rules[0].limit.per: per must be a whole number with ms, s, m or h, from 1ms to 744h, which are 31 days (got "1d")',
        '4:45 rules[0].limit.concurrent: concurrent must be a whole number from 1 to 1000000 (got 1.5)',
      ],
    ],
    [
      'tools: [a]\n    limit: { calls: "60", per: 60, rate: 1 }',
      [
        '4:21 rules[0].limit.calls: calls must be a whole number from 1 to 1000000 (got "60")',
        '4:32 rules[0].limit.per: per must be a whole number with ms, s, m or h, from 1ms to 744h, which are 31 days (got 60)',
        '4:36 rules[0].limit.rate: unknown key "rate" in a limit',
      ],
    ],
    [
      'tools: [a]\n    limit: { calls: 1, per: 0s }',
      [
        '4:29 rules[0].limit.per: per must be a whole number with ms, s, m or h, from 1ms to 744h, which are 31 days (got "0s")',
      ],
    ],
    [
      'tools: [a]\n    limit: { calls: 1, per: 745h }',
      [
        '4:29 rules[0].limit.per: per must be a whole number with ms, s, m or h, from 1ms to 744h, which are 31 days (got "745h")',
      ],
    ],
    [
      'tools: [a]\n    limit: { calls: 1, per: 1.5m }',
      [
        '4:29 rules[0].limit.per: per must be a whole number with ms, s, m or h, from 1ms to 744h, which are 31 days (got "1.5m")',
      ],
    ],
  ])('%s', async (text, expected) => {
    expect(await inRule(text)).toEqual(expected)
  })

  test('a rule that denies has no limit', async () => {
    expect(await problems('rules: [{deny: [anyone], tools: [a], limit: {concurrent: 1}}]')).toEqual([
      '1:45 rules[0].limit: a rule that denies has no limit',
    ])
  })

  test('two rules have two names', async () => {
    const rule = { name: 'a', allow: ['anyone'], tools: ['x'] }
    expect(await problems({ rules: [rule, rule] })).toEqual([
      'null:null rules[1].name: two rules have the name "a"',
    ])
  })

  test('every problem of the file is told, in its order', async () => {
    const text = 'mode: off\nrules:\n  - allow: [cn:a*, nothing]\n    tools: [1]\n    when: x\n  - {}\n'
    expect(await problems(text)).toEqual([
      '1:7 mode: must be enforce or report (got "off")',
      '3:13 rules[0].allow[0]: a star is not allowed in cn:',
      '3:20 rules[0].allow[1]: "nothing" does not say what kind of name it is',
      '4:13 rules[0].tools[0]: a name must be a string (got 1)',
      '5:11 rules[0].when: there is no variable "x"',
      '6:5 rules[1]: a rule has either allow: or deny:',
      '6:5 rules[1]: a rule names what it is about',
    ])
  })
})

describe('identities', () => {
  const hex = 'Ab'.repeat(32)
  const base64 = Buffer.from(hex, 'hex').toString('base64')
  const identities = async (...allow: unknown[]) =>
    (await read({ rules: [{ allow, tools: ['*'] }] })).rules[0]?.identities

  test.each<[unknown, object]>([
    ['spiffe://example.org/a', { kind: 'spiffe', value: 'spiffe://example.org/a' }],
    ['spiffe://example.org', { kind: 'spiffe' }],
    ['spiffe://example.org/agents/*', { kind: 'spiffe', pattern: {} }],
    ['dns:A.Example.COM.', { kind: 'dns', value: 'a.example.com' }],
    ['dns:*.example.com', { kind: 'dns', pattern: {} }],
    ['cn:spiffe://example.org/a', { kind: 'cn', value: 'spiffe://example.org/a' }],
    ['cn:dns:a', { kind: 'cn', value: 'dns:a' }],
    ['email:A.b@Example.COM', { kind: 'email', value: 'A.b@example.com' }],
    ['email:*@example.com', { kind: 'email', pattern: {} }],
    ['ou:Ops', { kind: 'ou', value: 'Ops' }],
    ['o:Example, Inc.', { kind: 'o', value: 'Example, Inc.' }],
    ['issuer:CN=CA,O=Example', { kind: 'issuer' }],
    [`fingerprint:sha256:${hex}`, { kind: 'fingerprint', value: `sha256:${hex.toLowerCase()}` }],
    [
      `fingerprint:sha256:${hex.replace(/..(?=.)/g, '$&:')}`,
      { kind: 'fingerprint', value: `sha256:${hex.toLowerCase()}` },
    ],
    [`spki:sha256/${base64}`, { kind: 'spki', value: `sha256:${hex.toLowerCase()}` }],
    [`spki:sha256/${base64.replace('=', '')}`, { kind: 'spki', value: `sha256:${hex.toLowerCase()}` }],
    [{ ca: 'example.org' }, { kind: 'ca', value: 'example.org' }],
    [{ fingerprint: `sha256:${hex}` }, { kind: 'fingerprint' }],
    [{ spiffe: 'spiffe://example.org/a' }, { kind: 'spiffe' }],
  ])('%j', async (entry, part) => {
    expect(await identities(entry)).toMatchObject([[part]])
  })

  test.each<[unknown, string]>([
    ['a.example.com', 'allow[0]: "a.example.com" does not say what kind of name it is'],
    ['DNS:a', 'allow[0]: "DNS:a" does not say what kind of name it is'],
    [' cn:a', 'allow[0]: " cn:a" does not say what kind of name it is'],
    ['ip:10.0.0.1', 'allow[0]: "ip:10.0.0.1" does not say what kind of name it is'],
    ['*', 'allow[0]: "*" does not say what kind of name it is'],
    ['Anyone', 'allow[0]: "Anyone" does not say what kind of name it is'],
    ['SPIFFE://example.org/a', 'allow[0]: "SPIFFE://example.org/a" is not a SPIFFE ID'],
    ['spiffe:a', 'allow[0]: "spiffe:a" is not a SPIFFE ID'],
    ['spiffe://Example.org/a', 'allow[0]: "spiffe://Example.org/a" is not a SPIFFE ID'],
    ['spiffe://example.org/a/', 'allow[0]: "spiffe://example.org/a/" is not a SPIFFE ID'],
    ['spiffe://example.org/a/../b', 'allow[0]: "spiffe://example.org/a/../b" is not a SPIFFE ID'],
    ['spiffe://example.org/a?b', 'allow[0]: "spiffe://example.org/a?b" is not a SPIFFE ID'],
    ['spiffe://*.org/a', 'allow[0]: "spiffe://*.org/a" has a star in its trust domain'],
    ['spiffe://*', 'allow[0]: "spiffe://*" has a star in its trust domain'],
    ['dns:', 'allow[0]: dns: has no name after it'],
    ['dns:a b', 'allow[0]: "a b" is not a DNS name'],
    ['dns:exämple.com', 'allow[0]: "exämple.com" is not a DNS name'],
    ['dns:\u212aey.example', 'allow[0]: "\u212aey.example" is not a DNS name'],
    ['dns:a..b', 'allow[0]: "a..b" is not a DNS name'],
    ['email:a', 'allow[0]: "a" is not an e-mail address'],
    ['email:a@b@c', 'allow[0]: "a@b@c" is not an e-mail address'],
    ...['cn', 'o', 'ou', 'issuer', 'serial', 'fingerprint', 'spki'].map((kind): [string, string] => [
      `${kind}:a*`,
      `allow[0]: a star is not allowed in ${kind}:`,
    ]),
    ['serial:0a', 'allow[0]: a serial number is unique within one CA only'],
    [{ serial: '0a' }, 'allow[0]: a serial number is unique within one CA only'],
    [{ serial: '0a', dns: 'a' }, 'allow[0]: a serial number is unique within one CA only'],
    [{ serial: 'xyz', ca: 'a' }, 'allow[0].serial: "xyz" is not a serial number in hex'],
    [{ serial: 10, ca: 'a' }, 'allow[0].serial: serial must be a string (got 10)'],
    [`fingerprint:sha256:${hex}ab`, `allow[0]: "sha256:${hex}ab" is not a SHA-256 hash`],
    [`fingerprint:${hex}`, `allow[0]: "${hex}" is not a SHA-256 hash`],
    ['spki:sha256/AAAA', 'allow[0]: "sha256/AAAA" is not a SHA-256 hash'],
    [{ ca: 'spiffe://example.org' }, 'allow[0].ca: "spiffe://example.org" is not a trust domain'],
    [{ ca: '*' }, 'allow[0].ca: a star is not allowed in ca:'],
    [{}, 'allow[0]: an identity without a name'],
    [{ cn: 'a', unit: 'b' }, 'allow[0].unit: unknown key "unit" in an identity'],
    [7, 'allow[0]: an identity must be a string (got 7)'],
    [null, 'allow[0]: an identity must be a string (got nothing)'],
  ])('%j is refused', async (entry, message) => {
    expect(await problems({ rules: [{ allow: [entry], tools: ['*'] }] })).toEqual([
      `null:null rules[0].${message}`,
    ])
  })
})

describe('warnings', () => {
  const warnings = async (rule: object, trustDomains?: readonly string[]) => {
    const reading = await readPolicy({ rules: [{ tools: ['*'], ...rule }] }, { trustDomains })
    return reading.ok ? reading.warnings.map(({ path, message }) => `${path}: ${message}`) : reading.problems
  }
  const bare = 'matches nothing: trust domains are bound, and any CA may give this name'

  test('a bare name in a rule that allows, once trust domains are bound', async () => {
    const allow = [
      'dns:a',
      'cn:a',
      'spiffe://d/a',
      'anyone',
      { cn: 'a', ca: 'd' },
      `spki:sha256:${'a'.repeat(64)}`,
    ]
    expect(await warnings({ allow }, ['d'])).toEqual([
      `rules[0].allow[0]: ${bare}`,
      `rules[0].allow[1]: ${bare}`,
    ])
    expect(await warnings({ deny: allow }, ['d'])).toEqual([])
    expect(await warnings({ allow }, undefined)).toEqual([])
  })

  test('a CA of a trust domain that is not bound', async () => {
    const unbound = 'rules[0].allow[0]: matches nothing: no CA is bound to the trust domain e'
    expect(await warnings({ allow: [{ cn: 'a', ca: 'e' }] }, ['d'])).toEqual([unbound])
    expect(await warnings({ allow: [{ cn: 'a', ca: 'e' }] }, [])).toEqual([unbound])
    expect(await warnings({ allow: [{ cn: 'a', ca: 'e' }] }, undefined)).toEqual([])
  })
})

test('what cannot be used is POLICY_INVALID with every problem', async () => {
  const reading = await readPolicy('mode: x\nrules: y\n')
  const error = refusal(() => requirePolicy(reading, 'policy.yaml'))
  expect(error.toJSON()).toEqual({
    code: 'POLICY_INVALID',
    message:
      'policy.yaml: 2 problems\n  line 1, column 7: mode: must be enforce or report (got "x")\n  line 2, column 8: rules: must be a list of rules (got "y")',
    hint: 'Write mode: enforce.',
  })
  const one = refusal(() => requirePolicy({ ok: false, problems: [] }, 'x'))
  expect(one.code).toBe('POLICY_INVALID')
})

describe('printing', () => {
  test('the printed policy is the same policy', async () => {
    const printed = printPolicy(await read(whole))
    expect(printed).toBe(`mode: enforce
rules:
  - name: "reporting reads the weather"
    allow: ["spiffe://demo.local/agent/reporting","dns:reporting.example.com"]
    servers: ["weather-mcp"]
    tools: ["getTemperature","getFore*"]
    when: "mcp.tool.arguments.days <= 3"
    limit: {"calls":60,"per":"1m","concurrent":4}
  - deny: [{"serial":"aff","issuer":"CN=CA,O=Example"},{"dns":"bad.example.com","ca":"example.org"},"anyone"]
    resources: ["file:///srv/**"]
    prompts: ["p"]
    methods: ["tasks/get"]
`)
    expect(printPolicy(await read(printed))).toBe(printed)
    expect(printPolicy(await read({ rules: [] }))).toBe('mode: enforce\nrules: []\n')
  })

  const name = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 12 })
    .filter((text) => !/\p{Cc}|[\ud800-\udfff]/u.test(text))
  const identity = fc.oneof(
    fc.constantFrom('anyone', 'spiffe://d/a', 'spiffe://d/**', 'dns:a.b', 'dns:*.b', 'email:*@b.c'),
    name.filter((text) => !text.includes('*')).map((text) => `cn:${text}`),
    name.filter((text) => !text.includes('*')).map((o) => ({ o, ca: 'example.org' })),
  )
  const lists = fc.array(name, { minLength: 1, maxLength: 3 })
  const limit = fc.record({
    calls: fc.integer({ min: 1, max: 1e6 }),
    per: fc.integer({ min: 1, max: 1e6 }).map((ms) => `${ms}ms`),
  })
  const condition = fc.constantFrom('mcp.server == "s"', 'mcp.tool.arguments.x\n  == 1', 'source.id != "\\n"')
  const rule = fc
    .record({
      effect: fc.constantFrom('allow', 'deny'),
      identities: fc.array(identity, { minLength: 1, maxLength: 3 }),
      tools: lists,
      prompts: fc.option(lists),
      servers: fc.option(lists),
      when: fc.option(condition),
      limit: fc.option(limit),
    })
    .map(({ effect, identities, limit, ...rest }) => ({
      [effect]: identities,
      ...(effect === 'allow' && limit !== null && { limit }),
      ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null)),
    }))

  test('parse, print, parse: the same policy', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('enforce', 'report'),
        fc.array(rule, { maxLength: 4 }),
        async (mode, rules) => {
          const first = await read({ mode, rules })
          const second = await read(printPolicy(first))
          expect(printPolicy(second)).toBe(printPolicy(first))
          expect(second.rules.map(({ key }) => key)).toEqual(first.rules.map(({ key }) => key))
          expect(JSON.stringify(second.rules.map((each) => ({ ...each, line: null })))).toBe(
            JSON.stringify(first.rules),
          )
        },
      ),
      { numRuns: 300 },
    )
  })
})

test('no text makes the reader fail', async () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'rules:',
      '\n',
      '  - ',
      'allow: ',
      '[',
      ']',
      '{',
      '}',
      '&a',
      '*a',
      '!t',
      '"',
      "'",
      '|',
      '>',
      '?',
      ': ',
      '%',
      '---',
      '#',
      '\t',
      'anyone',
      'when: ',
    ),
    fc.string({ maxLength: 5 }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 30 }), async (pieces) => {
      const reading = await readPolicy(pieces.join(''))
      if (!reading.ok) expect(reading.problems.length).toBeGreaterThan(0)
    }),
    { numRuns: 500 },
  )
})
