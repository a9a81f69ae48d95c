import { expect, test } from 'vitest'
import type { PeerJudge } from '../../../src/tls/peer/peer-judge.js'
import { Standing } from '../../../src/tls/peer/standing.js'
import type { PeerFacts, Verdict } from '../../../src/tls/peer/verdict.js'

const facts: PeerFacts = { path: undefined, authorizationError: undefined }

/** A judge that accepts until a moment, or never; it counts how often it is asked. */
function judge(validUntil: number | undefined) {
  const asked: number[] = []
  const verdict = (_facts: PeerFacts, _name: string | undefined, now: Date): Verdict => {
    asked.push(now.getTime())
    return validUntil !== undefined && now.getTime() <= validUntil
      ? ({ accepted: true, validUntil: new Date(validUntil) } as Verdict)
      : { accepted: false, code: 'CERT_EXPIRED', message: 'expired' }
  }
  return { asked, judge: { rebase: (same: PeerFacts) => same, verdict } as unknown as PeerJudge }
}

test('a peer is judged once, until a certificate on its path ends', () => {
  const one = judge(1000)
  const standing = new Standing(facts, () => one.judge)
  expect([1, 2, 500, 1000].map((now) => standing.isGood(now))).toEqual([true, true, true, true])
  expect(one.asked).toEqual([1])
  expect(standing.isGood(1001)).toBe(false)
  expect(one.asked).toEqual([1, 1001])
})

test('it is judged again when the trust changes, and when the clock is set back', () => {
  const before = judge(1000)
  const after = judge(undefined)
  let current = before.judge
  const standing = new Standing(facts, () => current)
  expect(standing.isGood(500)).toBe(true)
  expect(standing.isGood(400)).toBe(true)
  expect(before.asked).toEqual([500, 400])
  current = after.judge
  expect(standing.isGood(500)).toBe(false)
  expect(standing.isGood(600)).toBe(false)
  expect(after.asked).toEqual([500])
})
