import { describe, expect, test } from 'vitest'
import { requestOf, subjectNamed } from '../../../src/auth/policy/asked.js'
import { runCases } from '../../../src/auth/policy/cases.js'
import { explain } from '../../../src/auth/policy/explain.js'
import { readPolicy, requirePolicy } from '../../../src/auth/policy/read.js'
import { readCertificate } from '../../../src/x509/certificate.js'
import { forge } from '../../support/forge.js'
import { callerNamed, now, policyOf, toolCall } from './worlds.js'

const text = `rules:
  - name: weather
    allow: [cn:reporting]
    servers: [weather]
    tools: ["get*"]
    when: mcp.tool.arguments.days <= 3
    limit: { calls: 60, per: 90s, concurrent: 2 }
  - name: no secrets
    deny: [anyone]
    tools: [getSecret]
  - allow: [anyone]
    prompts: ["*"]
    resources: ["file:///srv/**"]
`
const policy = requirePolicy(await readPolicy(text), 'policy.yaml')
const reporting = callerNamed('cn:reporting', 'o:Example')
const leaf = readCertificate((await forge({ commonName: 'reporting' })).cert)
const call = (name: string, changes = {}) =>
  toolCall(reporting, name, { server: 'weather', arguments: { days: 1 }, ...changes })

describe('an explanation', () => {
  test('of a call that is allowed', () => {
    expect(explain(policy, call('getForecast'))).toEqual({
      decision: 'allow',
      rule: 'weather',
      line: 2,
      reason: 'allowed',
      identity: ['cn:reporting', 'o:Example'],
      limit: { calls: 60, per: '90s', concurrent: 2 },
      considered: [
        { rule: 'no secrets', line: 8, fits: false, because: 'none of its tools fits "getForecast"' },
        { rule: 'rules[2]', line: 11, fits: false, because: 'it names no tools' },
      ],
    })
  })

  test('of one that is denied', () => {
    expect(explain(policy, call('getSecret'))).toMatchObject({
      decision: 'deny',
      rule: 'no secrets',
      line: 8,
      reason: 'denied',
      limit: null,
      considered: [
        { rule: 'weather', fits: true },
        { rule: 'rules[2]', fits: false },
      ],
    })
  })

  test.each([
    [
      'its condition is false',
      call('getForecast', { arguments: { days: 4 } }),
      'condition',
      'its condition does not hold',
    ],
    [
      'its condition fails',
      call('getForecast', { arguments: {} }),
      'condition',
      'its condition failed: No such key: days',
    ],
    [
      'its arguments are too large',
      call('getForecast', { arguments: { days: 1, l: Array(10_001).fill(0) } }),
      'condition',
      'its condition failed: the arguments hold a list or map of more than 10,000 elements, a number larger than any, too much for its loop, or a key twice, in another case',
    ],
    [
      'another server',
      call('getForecast', { server: 'other' }),
      'no_rule',
      'it is not about the server "other"',
    ],
    [
      'another caller',
      { ...call('getForecast'), subject: callerNamed('cn:x') },
      'no_rule',
      'it does not name this caller',
    ],
    [
      'a bare name where domains are bound',
      { ...call('getForecast'), subject: callerNamed('cn:reporting', 'ca:d') },
      'no_rule',
      'trust domains are bound, and it does not name the CA',
    ],
    ['no tool of it', call('x'), 'no_rule', 'none of its tools fits "x"'],
    [
      'a caller that is not verified',
      { ...call('getForecast'), subject: callerNamed('unverified') },
      'unverified',
      'the caller is not verified',
    ],
    ['a call without a name', call('', { target: { kind: 'method' } }), 'malformed', 'it names no methods'],
    ['a call with a null byte', call('get\0'), 'malformed', 'the call does not say what it asks for'],
    [
      'an unknown method',
      call('', { method: 'x/y', target: { kind: 'method' } }),
      'unknown_method',
      'it names no methods',
    ],
  ])('of %s', (_what, request, reason, because) => {
    const { considered, ...explained } = explain(policy, request)
    expect(explained).toMatchObject({ decision: 'deny', reason })
    expect(considered[0]).toEqual({ rule: 'weather', line: 2, fits: false, because })
  })

  test('of a stream and of a completion', () => {
    const listen = (uri: string) =>
      call('', { method: 'subscriptions/listen', target: { kind: 'subscription', uris: [uri] } })
    expect(explain(policy, listen('file:///srv/a'))).toMatchObject({ decision: 'allow', rule: 'rules[2]' })
    expect(explain(policy, listen('file:///a')).considered[2]).toMatchObject({
      because: 'none of its resources fits "file:///a"',
    })
    const complete = call('', {
      method: 'completion/complete',
      target: { kind: 'resource', uri: 'file:///etc/{x}' },
    })
    expect(explain(policy, complete).considered[2]).toMatchObject({
      because: 'none of its resources fits "file:///etc/{x}"',
    })
  })
})

describe('what is asked', () => {
  const asked = { server: 's', now }
  test.each([
    [{ tool: 't' }, { method: 'tools/call', target: { kind: 'tool', name: 't' }, address: '' }],
    [
      { resource: 'u', address: '10.0.0.1' },
      { method: 'resources/read', target: { kind: 'resource', uri: 'u' }, address: '10.0.0.1' },
    ],
    [
      { prompt: 'p', arguments: { a: 1 } },
      { method: 'prompts/get', target: { kind: 'prompt', name: 'p' }, arguments: { a: 1 } },
    ],
    [{ method: 'ping' }, { method: 'ping', target: { kind: 'method' } }],
    [{ method: 'subscriptions/listen' }, { target: { kind: 'subscription', uris: [] } }],
    [{ resource: 'u', method: 'subscriptions/listen' }, { target: { kind: 'subscription', uris: ['u'] } }],
    [{ resource: 'u', method: 'resources/subscribe' }, { target: { kind: 'resource', uri: 'u' } }],
    [{ prompt: 'p', method: 'completion/complete' }, { target: { kind: 'prompt', name: 'p' } }],
  ])('%j', (what, expected) => {
    expect(requestOf(reporting, { ...asked, ...what })).toMatchObject({
      value: { ...expected, server: 's', subject: reporting },
    })
  })

  test.each([
    [{}, 'what is called is missing'],
    [{ tool: 't', prompt: 'p' }, 'tool and prompt are two calls'],
    [{ tool: 't', method: 'completion/complete' }, 'completion/complete does not name a tool'],
    [{ prompt: 'p', method: 'ping' }, 'ping does not name a prompt'],
    [{ resource: 'u', method: 'constructor' }, 'constructor does not name a resource'],
  ])('%j is refused', (what, message) => {
    expect(requestOf(reporting, { ...asked, ...what })).toEqual({ message, hint: expect.any(String) })
  })

  test('names of one certificate', () => {
    expect(subjectNamed(['serial:0A', 'dns:B.c', 'cn:x', 'dns:b.c'])).toMatchObject({
      value: {
        id: 'serial:a',
        names: ['serial:a', 'dns:b.c', 'cn:x'],
        subjectCn: 'x',
        serial: 'a',
        subjectAltNames: ['dns:b.c', 'dns:b.c'],
      },
    })
    expect(subjectNamed(['anyone'])).toMatchObject({ value: { verified: true, names: [], id: 'anyone' } })
    expect(subjectNamed(['dns:*.a'])).toMatchObject({ message: '"dns:*.a" is a pattern, not a name' })
    expect(subjectNamed(['a'])).toMatchObject({ message: '"a" does not say what kind of name it is' })
  })
})

describe('cases', () => {
  const options = {
    now,
    certificate: (file: string) => {
      if (file === 'client.crt') return leaf
      throw new Error(`${file} does not exist`)
    },
  }

  test('are judged in the order of the file', async () => {
    const run = await runCases(
      policy,
      `cases:
  - { name: three days, as: cn:reporting, server: weather, tool: getForecast, arguments: { days: 3 }, expect: allow, rule: weather }
  - { as: [cn:other, o:x], server: weather, tool: getForecast, expect: allow }
  - { as: unverified, server: weather, method: ping, expect: allow }
  - { cert: client.crt, server: weather, tool: getForecast, arguments: { days: 3 }, expect: allow, rule: another }
  - { as: cn:a, server: weather, resource: file:///srv/a, method: resources/subscribe, expect: allow, now: 2026-01-01T00:00:00Z, address: 10.0.0.1 }
`,
      options,
    )
    expect(run).toEqual({
      ok: true,
      result: {
        passed: 3,
        failed: 2,
        cases: [
          {
            name: 'three days',
            line: 2,
            expect: 'allow',
            decision: 'allow',
            rule: 'weather',
            reason: 'allowed',
            ok: true,
          },
          {
            name: 'cases[1]',
            line: 3,
            expect: 'allow',
            decision: 'deny',
            rule: null,
            reason: 'no_rule',
            ok: false,
          },
          {
            name: 'cases[2]',
            line: 4,
            expect: 'allow',
            decision: 'allow',
            rule: null,
            reason: 'open_method',
            ok: true,
          },
          {
            name: 'cases[3]',
            line: 5,
            expect: 'allow',
            decision: 'allow',
            rule: 'weather',
            reason: 'allowed',
            ok: false,
          },
          {
            name: 'cases[4]',
            line: 6,
            expect: 'allow',
            decision: 'allow',
            rule: 'rules[2]',
            reason: 'allowed',
            ok: true,
          },
        ],
      },
    })
  })

  test('their time and their arguments are those of the call', async () => {
    const timed = await policyOf([
      {
        allow: ['anyone'],
        tools: ['*'],
        when: 'now.getHours() < 6 && mcp.tool.arguments.list[1].__proto__ == "x"',
      },
    ])
    const one = (rest: string) =>
      `cases: [{ as: cn:a, server: s, tool: t, expect: allow, arguments: { list: [1, { __proto__: x }] } ${rest} }]`
    const decided = async (cases: string) => {
      const run = await runCases(timed, cases, options)
      return run.ok && run.result.cases[0]?.ok
    }
    expect(await decided(one(''))).toBe(true)
    expect(await decided(one(', now: 2026-01-01T12:00:00Z'))).toBe(false)
  })

  test('everything that is wrong is told', async () => {
    const run = await runCases(
      policy,
      `cases:
  - { as: a, server: s, tool: t, expect: allow }
  - { as: cn:a, tool: t, expect: maybe }
  - { server: s, tool: t, expect: deny, tol: x }
  - { as: cn:a, cert: client.crt, server: s, tool: t, expect: deny }
  - { cert: none.crt, server: s, tool: t, expect: deny, now: today }
  - { as: cn:a, server: s, expect: deny }
  - { as: [], server: 7, tool: t, expect: deny }
  - { as: x, server: s, tool: t, prompt: p, arguments: [1], now: today, address: here, expect: deny }
  - { as: cn:a, server: s, tool: 7, arguments: , expect: deny }
`,
      options,
    )
    expect(run.ok || run.problems.map(({ line, path, message }) => `${line} ${path}: ${message}`)).toEqual([
      '2 cases[0].as: "a" does not say what kind of name it is',
      '3 cases[1]: server is missing',
      '3 cases[1].expect: expect must be allow or deny',
      '4 cases[2]: a case has either as: or cert:',
      '4 cases[2].tol: unknown key "tol" in a case',
      '5 cases[3]: a case has either as: or cert:',
      '6 cases[4].cert: none.crt does not exist',
      '6 cases[4].now: "today" is not a time',
      '7 cases[5]: what is called is missing',
      '8 cases[6].as: a list without names',
      '8 cases[6].server: server must be a string (got 7)',
      '9 cases[7]: tool and prompt are two calls',
      '9 cases[7].as: "x" does not say what kind of name it is',
      '9 cases[7].arguments: arguments must be a mapping (got a list)',
      '9 cases[7].now: "today" is not a time',
      '9 cases[7].address: "here" is not an IP address',
      '10 cases[8].tool: tool must be a string (got 7)',
      '10 cases[8].arguments: arguments must be a mapping (got nothing)',
    ])
    for (const broken of ['', '# none yet', 'cases:', 'case: []', 'cases: []', 'cases: all', '- a']) {
      const other = await runCases(policy, broken, options)
      const hints = other.ok ? [] : other.problems.map(({ hint }) => hint)
      expect(hints.join('\n')).toMatch(/expect: allow|Did you mean "cases"|Its keys are cases/)
      expect(hints.join('\n')).not.toMatch(/rules|brackets|remove the key/)
    }
  })
})
