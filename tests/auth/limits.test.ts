import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Limits, type Taken } from '../../src/auth/limits.js'
import { readPolicy, requirePolicy } from '../../src/auth/policy/read.js'
import type { Rule } from '../../src/auth/policy/rule.js'

async function rules(...limits: object[]): Promise<readonly Rule[]> {
  const source = { rules: limits.map((limit, at) => ({ allow: ['anyone'], tools: [`t${at}`], limit })) }
  return requirePolicy(await readPolicy(source), 'test').rules
}

const call = { server: 's', identity: 'cn:a' }

function release(taken: Taken): void {
  if (!taken.ok) throw new Error('it was refused')
  taken.release()
}

test('as many calls as it says, in any window of its length', async () => {
  const limits = new Limits()
  const limited = await rules({ calls: 2, per: '1s' })
  const at = (now: number) => limits.take(limited, call, now)
  expect([at(0).ok, at(400).ok]).toEqual([true, true])
  expect(at(500)).toMatchObject({ ok: false, retryAfterMs: 500, rule: limited[0] })
  expect(at(999.5)).toMatchObject({ ok: false, retryAfterMs: 1 })
  expect(at(1000).ok).toBe(true)
  expect(at(1001)).toMatchObject({ ok: false, retryAfterMs: 399 })
  expect(at(1400).ok).toBe(true)
})

test('calls that are refused do not count', async () => {
  const limits = new Limits()
  const limited = await rules({ calls: 1, per: '1s' })
  expect(limits.take(limited, call, 0).ok).toBe(true)
  for (let now = 1; now < 1000; now += 1) expect(limits.take(limited, call, now).ok).toBe(false)
  expect(limits.take(limited, call, 1000).ok).toBe(true)
})

test('as many at the same time as it says', async () => {
  const limits = new Limits()
  const limited = await rules({ concurrent: 2 })
  const [first, second] = [limits.take(limited, call, 0), limits.take(limited, call, 0)]
  const refused = limits.take(limited, call, 0)
  expect(refused).toMatchObject({ ok: false, retryAfterMs: 1000 })
  release(first)
  release(first)
  expect(limits.take(limited, call, 1).ok).toBe(true)
  expect(limits.take(limited, call, 1).ok).toBe(false)
  release(second)
  expect(limits.take(limited, call, 2).ok).toBe(true)
})

test('every server, identity and rule has a budget of its own', async () => {
  const limits = new Limits()
  const [one, other] = await rules({ calls: 1, per: '1s' }, { calls: 1, per: '1s' })
  const take = (rule: Rule | undefined, who = call) => limits.take(rule ? [rule] : [], who, 0).ok
  expect(take(one)).toBe(true)
  expect(take(one)).toBe(false)
  expect(take(other)).toBe(true)
  expect(take(one, { ...call, server: 'other' })).toBe(true)
  expect(take(one, { ...call, identity: 'cn:b' })).toBe(true)
})

test('several rules: all are taken, or none', async () => {
  const limits = new Limits()
  const [narrow, wide] = await rules({ calls: 1, per: '1s' }, { calls: 3, per: '10s', concurrent: 9 })
  if (narrow === undefined || wide === undefined) throw new Error('two rules')
  expect(limits.take([narrow, wide], call, 0).ok).toBe(true)
  expect(limits.take([narrow, wide], call, 1)).toMatchObject({ ok: false, rule: narrow, retryAfterMs: 999 })
  // The refused one took nothing from the other.
  expect(limits.take([wide], call, 2).ok).toBe(true)
  expect(limits.take([wide], call, 3).ok).toBe(true)
  expect(limits.take([wide, narrow], call, 4)).toMatchObject({ ok: false, rule: wide, retryAfterMs: 9996 })
})

test('rules that say the same are one budget, also in another policy', async () => {
  const limits = new Limits()
  const [before] = await rules({ calls: 2, per: '1s' })
  const [after] = await rules({ calls: 2, per: '1000ms' })
  const [changed] = await rules({ calls: 3, per: '1s' })
  if (!before || !after || !changed) throw new Error('three rules')
  expect(limits.take([before, after], call, 0).ok).toBe(true)
  expect(limits.take([after], call, 1).ok).toBe(true)
  expect(limits.take([before], call, 2).ok).toBe(false)
  expect(limits.take([changed], call, 2).ok).toBe(true)
})

test('a rule without a limit takes nothing', async () => {
  const limits = new Limits()
  const policy = requirePolicy(await readPolicy({ rules: [{ allow: ['anyone'], tools: ['*'] }] }), 'test')
  for (let count = 0; count < 9; count += 1) expect(limits.take(policy.rules, call, 0).ok).toBe(true)
  expect(limits.size).toBe(0)
})

test('what is idle is forgotten, and what runs is not', async () => {
  const limits = new Limits()
  const limited = await rules({ calls: 5, per: '1s', concurrent: 5 })
  for (let at = 0; at < 1000; at += 1) release(limits.take(limited, { ...call, identity: `cn:${at}` }, 0))
  const running = limits.take(limited, { ...call, identity: 'cn:running' }, 0)
  expect(limits.size).toBe(1001)
  limits.take(limited, call, 60_000)
  expect(limits.size).toBe(2)
  release(running)
  limits.take(limited, call, 120_000)
  expect(limits.size).toBe(1)
})

test('no window of any place has more calls than the limit, and a refused call may come when it is told', async () => {
  const limited = await rules({ calls: 3, per: '100ms' })
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 200 }), (pauses) => {
      const limits = new Limits()
      const accepted: number[] = []
      let now = 0
      for (const pause of pauses) {
        now += pause
        const taken = limits.take(limited, call, now)
        if (taken.ok) accepted.push(now)
        else {
          expect(accepted.filter((time) => time > now - 100)).toHaveLength(3)
          expect(Number.isInteger(taken.retryAfterMs) && taken.retryAfterMs > 0).toBe(true)
          const then = now + taken.retryAfterMs
          expect(accepted.filter((time) => time > then - 100).length).toBeLessThan(3)
        }
      }
      for (const start of accepted)
        expect(accepted.filter((time) => time >= start && time < start + 100).length).toBeLessThanOrEqual(3)
    }),
  )
})
