import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { openAudit, queueBound, verifyAudit } from '../../src/audit/index.js'
import { endedCall, linesIn } from '../support/audited.js'
import { bin } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { tier } from '../support/tier.js'

/** Records calls as fast as it can, and says which. Of an intent it says so once it is written. */
const script = `
  import { writeSync } from 'node:fs'
  const [url, sink, kind, first, example] = process.argv.slice(1)
  const { openAudit } = await import(url)
  const audit = await openAudit({ sink, checkpoint: { lines: 50 }, maxBytes: 400_000 })
  const call = JSON.parse(example)
  for (let number = Number(first); ; number++) {
    const one = { ...call, requestId: String(number) }
    if (kind === 'intent') await audit.intent(one)
    else audit.record(one)
    writeSync(1, number + '\\n')
    if (number % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
  }`
const audit = pathToFileURL(join(bin, '../../audit/index.js')).href

/** Gives the last number that the writer said before it was killed. */
async function killAtWork(sink: string, kind: 'call' | 'intent', first: number): Promise<number> {
  const args = [
    '--input-type=module',
    '--eval',
    script,
    audit,
    sink,
    kind,
    String(first),
    JSON.stringify(endedCall()),
  ]
  const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [said, stderr] = ['', '']
  writer.stdout.setEncoding('utf8').on('data', (chunk) => (said = `${said}${chunk}`.slice(-100)))
  writer.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += chunk))
  const ended = once(writer, 'close')
  await Promise.race([once(writer.stdout, 'data'), ended])
  await delay(Math.random() * 100) // any moment will do
  writer.kill('SIGKILL')
  const [, signal] = await ended
  expect(signal, stderr).toBe('SIGKILL')
  return Number(said.trimEnd().split('\n').at(-1))
}

function filesOf(path: string): string[] {
  const names = readdirSync(dirname(path)).filter((name) => /^audit\.jsonl(\.\d.*)?$/.test(name))
  return names.map((name) => join(dirname(path), name))
}

test.each(['call', 'intent'] as const)(
  '%s: a writer that is killed at any moment leaves a record that verifies, and loses no more than may wait',
  { timeout: 900_000 },
  async (kind) => {
    const sink = join(scratch(), 'audit.jsonl')
    let [next, missing] = [0, 0]
    for (let kill = 0; kill < tier(6, 50); kill++) {
      const last = await killAtWork(sink, kind, next)
      await (await openAudit({ sink, checkpoint: { lines: 50 }, maxBytes: 400_000 })).close()
      const found = await verifyAudit({ files: filesOf(sink) })
      expect(found, `kill ${kill}`).toMatchObject({ ok: true, unproven_lines: 0, first_seq: 1 })
      const written = found.files.flatMap((file) => linesIn(file).filter(({ event }) => event === kind))
      const numbers = written.map((line) => Number(line.request_id)).filter((number) => number >= next)
      // Those before the end of what is written are all there, in order.
      expect(numbers).toEqual(numbers.map((_, at) => next + at))
      missing = Math.max(missing, last - next + 1 - numbers.length)
      expect(missing).toBeLessThanOrEqual(kind === 'intent' ? 0 : queueBound.lines)
      next = Math.max(last, numbers.at(-1) ?? 0) + 1
    }
  },
)
