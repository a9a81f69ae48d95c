import { expect, test } from 'vitest'
import { Held } from '../../../src/expose/upstream/held.js'

const megabytes = 1024 * 1024

test('one identity holds no more than it may, and others are not held up by it', () => {
  const held = new Held()
  const [one, second, other] = [held.share('a'), held.share('a'), held.share('b')]
  one.set(100 * megabytes)
  expect(() => second.set(29 * megabytes)).toThrow()
  other.set(100 * megabytes)
  one.set(0)
  second.set(29 * megabytes)
})

test('all together hold no more than there may be, and what was let go is free again', () => {
  const held = new Held()
  const shares = ['a', 'b', 'c', 'd'].map((owner) => held.share(owner))
  for (const share of shares) share.set(128 * megabytes)
  const late = held.share('e')
  expect(() => late.set(1)).toThrow()
  shares[0]?.set(1)
  late.set(100 * megabytes)
  for (const share of [...shares, late]) share.set(0)
  for (const share of shares) share.set(128 * megabytes)
})
