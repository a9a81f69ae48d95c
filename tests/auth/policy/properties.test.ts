import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decide, mayUse, type PolicyRequest } from '../../../src/auth/policy/decide.js'
import { explain } from '../../../src/auth/policy/explain.js'
import { printPolicy } from '../../../src/auth/policy/print.js'
import { readPolicy, requirePolicy } from '../../../src/auth/policy/read.js'
import type { PolicySubject } from '../../../src/auth/policy/subject.js'
import { callerNamed, policyOf, told, toolCall } from './worlds.js'

const identity = fc.constantFrom<unknown>(
  'anyone',
  'spiffe://d/a',
  'spiffe://d/*',
  'dns:a.b',
  'dns:*.b',
  'cn:a',
  { cn: 'a', ca: 'd' },
  { cn: 'a', o: 'x' },
)
const name = fc.constantFrom('*', 'a', 'b', 'a/b', 'a*', 'a/*', '**', '*b')
const uri = fc.constantFrom('*', 'file:///a', 'file:///**', 'file:///a/*')
const condition = fc.constantFrom(
  'mcp.tool.arguments.x == 1',
  'mcp.tool.arguments.y.startsWith("a")',
  'source.id != "cn:a"',
  'inCidr(source.address, "10.0.0.0/8")',
  'mcp.tool.name == "a" || mcp.resource.uri == "file:///a"',
)
const some = (values: fc.Arbitrary<unknown>) => fc.option(fc.array(values, { minLength: 1, maxLength: 2 }))
const rule = (effect: 'allow' | 'deny') =>
  fc
    .record({
      [effect]: fc.array(identity, { minLength: 1, maxLength: 2 }),
      servers: fc.option(fc.constantFrom(['s'], ['t'], ['s*'])),
      tools: some(name),
      prompts: some(name),
      resources: some(uri),
      methods: fc.option(fc.constantFrom(['x/y'], ['ping'])),
      when: fc.option(condition),
      ...(effect === 'allow' && {
        limit: fc.option(fc.constantFrom({ concurrent: 1 }, { calls: 1, per: '1s' })),
      }),
    })
    .map((fields) => Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null)))
    .filter((fields) => ['tools', 'prompts', 'resources', 'methods'].some((kind) => kind in fields))
const rules = fc.array(fc.oneof(rule('allow'), rule('allow'), rule('deny')), { maxLength: 6 })

const callers: readonly PolicySubject[] = [
  ['spiffe://d/a', 'ca:d'],
  ['cn:a', 'o:x'],
  ['cn:a', 'ca:d'],
  ['cn:a', 'ca:e'],
  ['dns:a.b', 'cn:b'],
  ['unverified'],
].map((names) => callerNamed(...names))

const request: fc.Arbitrary<PolicyRequest> = fc
  .record({
    subject: fc.constantFrom(...callers),
    server: fc.constantFrom('s', 't', 'other'),
    call: fc.constantFrom<Pick<PolicyRequest, 'method' | 'target'>>(
      ...['a', 'b', 'a/b', 'ab', 'a\0'].map(
        (name) => ({ method: 'tools/call', target: { kind: 'tool', name } }) as const,
      ),
      { method: 'prompts/get', target: { kind: 'prompt', name: 'a' } },
      { method: 'completion/complete', target: { kind: 'resource', uri: 'file:///a/{x}' } },
      ...['file:///a', 'file:///a/b', 'file:///a/../b'].map(
        (uri) => ({ method: 'resources/read', target: { kind: 'resource', uri } }) as const,
      ),
      {
        method: 'subscriptions/listen',
        target: { kind: 'subscription', uris: ['file:///a', 'file:///a/b'] },
      },
      { method: 'x/y', target: { kind: 'method' } },
      { method: 'ping', target: { kind: 'method' } },
      { method: 'tools/call', target: { kind: 'method' } },
    ),
    arguments: fc.constantFrom({}, { x: 1 }, { x: 2, y: 'ab' }, { y: 7 }, null, { x: Array(10_001).fill(0) }),
    address: fc.constantFrom('10.0.0.1', '::ffff:10.0.0.1', '192.0.2.1', ''),
  })
  .map(({ subject, call, ...changes }) => toolCall(subject, '', { ...changes, ...call }))

const runs = { numRuns: 500 }

test('a rule that denies, added anywhere, never allows more, in a call or in a list', async () => {
  await fc.assert(
    fc.asyncProperty(rules, rule('deny'), fc.nat(), request, async (given, denying, place, call) => {
      const [before, after] = [
        await policyOf(given),
        await policyOf(given.toSpliced(place % (given.length + 1), 0, denying)),
      ]
      if (decide(after, call).decision === 'allow') expect(decide(before, call).decision).toBe('allow')
      for (const name of ['a', 'b', 'a/b']) {
        const item = { kind: 'tool', name } as const
        if (mayUse(after, call, item)) expect(mayUse(before, call, item)).toBe(true)
      }
    }),
    runs,
  )
})

test('the order of rules changes no decision, and no limit that counts', async () => {
  await fc.assert(
    fc.asyncProperty(rules, fc.infiniteStream(fc.nat()), request, async (given, keys, call) => {
      const shuffled = given
        .map((each) => ({ each, key: keys.next().value ?? 0 }))
        .sort((one, other) => one.key - other.key)
        .map(({ each }) => each)
      const [one, other] = [decide(await policyOf(given), call), decide(await policyOf(shuffled), call)]
      expect([other.decision, other.reason]).toEqual([one.decision, one.reason])
      expect(other.limited.map(({ key }) => key).sort()).toEqual(one.limited.map(({ key }) => key).sort())
    }),
    runs,
  )
})

test('what a printed policy decides is what the policy decides', async () => {
  await fc.assert(
    fc.asyncProperty(rules, request, async (given, call) => {
      const policy = await policyOf(given)
      const printed = requirePolicy(await readPolicy(printPolicy(policy)), 'printed')
      expect(told(decide(printed, call))).toBe(told(decide(policy, call)))
    }),
    runs,
  )
})

test('an explanation agrees with the decision, and says of every other rule why it did not decide', async () => {
  await fc.assert(
    fc.asyncProperty(rules, request, async (given, call) => {
      const policy = await policyOf(given)
      const [decided, explained] = [decide(policy, call), explain(policy, call)]
      expect(explained).toMatchObject({
        decision: decided.decision,
        reason: decided.reason,
        rule: decided.rule?.name ?? null,
      })
      const isApart = decided.rule !== undefined && decided.reason !== 'condition'
      expect(explained.considered).toHaveLength(given.length - (isApart ? 1 : 0))
      for (const { because } of explained.considered) expect(because).not.toBe('')
      if (decided.reason === 'no_rule') expect(explained.considered.every(({ fits }) => !fits)).toBe(true)
    }),
    runs,
  )
})

test('a call that is allowed is shown in the list', async () => {
  await fc.assert(
    fc.asyncProperty(rules, request, async (given, call) => {
      const policy = await policyOf(given)
      if (call.target.kind !== 'tool' || decide(policy, call).decision !== 'allow') return
      expect(mayUse(policy, call, call.target as { kind: 'tool'; name: string })).toBe(true)
    }),
    runs,
  )
})
