import { expect, test } from 'vitest'
import { keepRenewing } from '../../src/cli/commands/cert-renew/daemon.js'

/** Runs the daemon without waiting: what it would have waited, until `looks` waits are over. */
async function waitsOf(
  looks: number,
  pass: (look: number) => Date | undefined,
): Promise<{ waits: number[]; errors: unknown[] }> {
  const controller = new AbortController()
  const waits: number[] = []
  const errors: unknown[] = []
  let look = 0
  await keepRenewing({
    pass: async () => pass(++look),
    failed: (error) => errors.push(error),
    signal: controller.signal,
    now: () => new Date(0),
    random: () => 0,
    wait: async (ms) => {
      waits.push(ms)
      if (waits.length === looks) controller.abort()
    },
  })
  return { waits, errors }
}

test('it looks again when the next thing is due', async () => {
  const { waits } = await waitsOf(2, (look) => new Date(look * 100_000))
  expect(waits).toEqual([100_000, 200_000])
})

test('failures are told, and tried again ever later until one look succeeds', async () => {
  const failure = new Error('the disk is full')
  const { waits, errors } = await waitsOf(5, (look) => {
    if (look !== 4) throw failure
    return new Date(5000)
  })
  expect(errors).toEqual([failure, failure, failure, failure])
  expect(waits).toEqual([30_000, 60_000, 120_000, 5000, 30_000])
})

test('a signal ends it while it waits, without a word', async () => {
  const controller = new AbortController()
  const ended = keepRenewing({
    pass: async () => {
      queueMicrotask(() => controller.abort())
      return undefined
    },
    failed: (error) => expect.unreachable(String(error)),
    signal: controller.signal,
  })
  await expect(ended).resolves.toBeUndefined()
})
