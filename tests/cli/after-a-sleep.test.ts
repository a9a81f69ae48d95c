import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { watchChecks } from '../../src/cli/commands/cert-check/watch.js'
import { keepRenewing } from '../../src/cli/commands/cert-renew/daemon.js'
import { watchFiles } from '../../src/files/watch.js'
import { Monitor } from '../../src/monitor/monitor.js'
import { makeCertificateSet, renewCertificates } from '../../src/pki/index.js'
import { readCertificate } from '../../src/x509/certificate.js'
import { scratch } from '../support/scratch.js'

// No timer counts while a machine sleeps: when it wakes up the clock is 20 hours on, and the timers stand where they did.

const hour = 3_600_000

afterEach(() => void vi.useRealTimers())

/** Aborted when the test ends. */
function untilTheEnd(): AbortSignal {
  const controller = new AbortController()
  onTestFinished(() => controller.abort())
  return controller.signal
}

async function sleepFor20Hours(): Promise<void> {
  vi.setSystemTime(Date.now() + 20 * hour)
  await vi.advanceTimersByTimeAsync(31_000)
}

/** How often it has come, so that a test can wait for the next time. */
function counter() {
  let count = 0
  return {
    come: () => void count++,
    comes: (times: number) => expect.poll(() => count).toBe(times),
  }
}

const fakeTime = () => vi.useFakeTimers({ toFake: ['Date', 'setTimeout', 'clearTimeout'] })

test('the daemon renews a certificate of one day', async () => {
  const certDir = scratch()
  await makeCertificateSet({ certDir, validityDays: 1 })
  const ends = () => readCertificate(readFileSync(join(certDir, 'server.crt'))).notAfter.getTime()
  const before = ends()
  fakeTime()
  const looks = counter()
  const pass = async () => {
    const { nextDue } = await renewCertificates({ certDir })
    setImmediate(looks.come) // it waits by then
    return nextDue
  }
  const failed = (error: unknown) => expect.unreachable(String(error))
  void keepRenewing({ pass, failed, signal: untilTheEnd() })
  await looks.comes(1)
  expect(ends()).toBe(before)
  await sleepFor20Hours()
  await looks.comes(2)
  expect(ends() - before).toBeGreaterThan(19 * hour)
})

test('the monitor looks again, however long it was to wait', async () => {
  const looks = counter()
  const monitor = new Monitor({
    servers: [],
    paths: [scratch()],
    checking: { withinDays: 30 },
    intervalMs: 15 * hour,
  })
  monitor.subscribe(() => setImmediate(looks.come))
  fakeTime()
  void monitor.run(untilTheEnd())
  await looks.comes(1)
  await sleepFor20Hours()
  await looks.comes(2)
})

test('cert-check --watch checks again, however long it was to wait', async () => {
  const checks = counter()
  fakeTime()
  void watchChecks({
    paths: [],
    intervalMs: 15 * hour,
    check: async () => undefined,
    report: () => setImmediate(checks.come),
    signal: untilTheEnd(),
  })
  await checks.comes(1)
  await sleepFor20Hours()
  await checks.comes(2)
})

test('files that cannot be watched are read again, however long that was to wait', async () => {
  const reads = counter()
  fakeTime()
  onTestFinished(watchFiles([join(scratch(), 'gone', 'a')], reads.come, { pollMs: 15 * hour }))
  await sleepFor20Hours()
  await reads.comes(1)
  await sleepFor20Hours()
  await reads.comes(2)
})
