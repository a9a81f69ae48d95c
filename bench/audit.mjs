// npm run build && node bench/audit.mjs [--seconds N] [--rounds N] [--directory DIR] [--json]
// CPU time of the record of calls, of the whole process, beside the same loop without it. The aim: 12 µs a call. Exit code 1: missed.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { openAudit } from '../dist/audit/index.js'
import { median, round } from './figures.mjs'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '0.5' },
    rounds: { type: 'string', default: '15' },
    directory: { type: 'string', default: tmpdir() },
    json: { type: 'boolean', default: false },
  },
})
const milliseconds = Number(values.seconds) * 1000
const rounds = Number(values.rounds)
const aim = 12

const callers = Array.from({ length: 8 }, (_, at) =>
  Object.freeze({
    id: `spiffe://example.org/agent/${at}`,
    verified: true,
    names: [`spiffe://example.org/agent/${at}`],
    subject: `CN=agent ${at},O=Example`,
    issuer: 'CN=Example CA',
    serial: `0a0b0c0d0e0f1011${at}`,
    fingerprint256: 'ab'.repeat(32),
    trustDomain: 'example.org',
    domainsBound: true,
    notAfter: new Date('2099-01-01'),
  }),
)
const cities = ['Tokyo', 'Zürich', 'Reykjavík', 'New York', 'Paris']

/** As one comes out of a server. @param {number} at @returns {import('../dist/audit/index.js').CallEnd} */
const callOf = (at) => ({
  call: {
    caller: callers[at % callers.length],
    server: 'weather-mcp',
    protocolVersion: '2026-07-28',
    id: at,
    method: 'tools/call',
    target: { kind: 'tool', name: 'getTemperature' },
    arguments: { city: cities[at % cities.length], days: at % 7, unit: 'celsius' },
  },
  address: '192.0.2.7',
  decision: 'allowed',
  rule: 'reporting reads the weather',
  outcome: 'ok',
  durationMs: 1 + (at % 1000) / 997,
  requestId: `3f2504e0-4f89-41d3-9a0c-${String(at).padStart(12, '0')}`,
  bytesIn: 180 + (at % 9),
  bytesOut: 340 + (at % 9),
  traceparent: `00-4bf92f3577b34da6a3ce929d0e0e4736-${String(at).padStart(16, '0')}-01`,
})

/** @typedef {{ record(call: import('../dist/audit/index.js').CallEnd): void, drain(): Promise<void> }} Target */
/** @typedef {(target: Target) => Promise<number>} Load Resolves to the number of calls. */

/** Some at once, then what waits is written. @type {Load} */
async function bursts(target) {
  const [times, size] = [20, 500]
  for (let time = 0; time < times; time += 1) {
    for (let at = 0; at < size; at += 1) target.record(callOf(time * size + at))
    await target.drain()
    await turn()
  }
  return times * size
}

/** Calls that come one after the other, as they do to a server. @param {number} rate a second @returns {Load} */
const paced = (rate) => async (target) => {
  const begun = performance.now()
  let calls = 0
  for (let passed = 0; passed < milliseconds; passed = performance.now() - begun) {
    for (const due = (passed / 1000) * rate; calls < due; calls += 1) target.record(callOf(calls))
    await delay(1)
  }
  await target.drain()
  return calls
}

const document = JSON.stringify(Array.from({ length: 20 }, (_, at) => ({ ...callOf(at), at })))

/** Calls of a server that is busy with other things between them. @type {Load} */
async function busy(target) {
  const calls = 2000
  for (let at = 0; at < calls; at += 1) {
    sink(JSON.stringify(JSON.parse(document)).length)
    target.record(callOf(at))
    await turn()
  }
  await target.drain()
  return calls
}

/** Microseconds of CPU of a call. @param {Load} load @param {Target} target */
async function cost(load, target) {
  const before = process.cpuUsage()
  const calls = await load(target)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / calls
}

/** Keeps what comes out of something from being left out by the compiler. @param {unknown} _value */
const sink = (_value) => {}

/** What the loop itself does with a call. @type {Target} */
const none = { record: sink, drain: async () => {} }

/** @param {Load} load @param {Target} audit */
async function measured(load, audit) {
  const differences = []
  await load(audit)
  for (let at = 0; at < rounds; at += 1) {
    const isFirst = at % 2 === 0
    const without = isFirst ? await cost(load, none) : undefined
    const with_ = await cost(load, audit)
    differences.push(with_ - (without ?? (await cost(load, none))))
  }
  return { microseconds: round(median(differences), 1), most: round(Math.max(...differences), 1) }
}

const directory = await mkdtemp(join(values.directory, 'mcp-mtls-bench-'))
try {
  const audit = await openAudit({ sink: join(directory, 'audit.jsonl') })
  const rows = []
  for (const { what, load } of [
    { what: 'bursts of 500 calls', load: bursts },
    { what: 'a busy server', load: busy },
    ...[500, 1000, 2000, 3000].map((rate) => ({ what: `${rate} calls a second`, load: paced(rate) })),
  ])
    rows.push({ what, ...(await measured(load, audit)), aim })
  await audit.close()
  const { lost } = audit.health()
  if (lost > 0) throw new Error(`${lost} lines were lost`)
  if (values.json) console.log(JSON.stringify({ rounds, rows }))
  else {
    console.log(`| a call in the record, median of ${rounds} | µs of CPU | most | aim |\n|---|---|---|---|`)
    for (const { what, microseconds, most } of rows)
      console.log(`| ${what} | ${microseconds} | ${most} | ${aim} |`)
  }
  if (rows.some(({ microseconds }) => microseconds > aim)) process.exitCode = 1
} finally {
  await rm(directory, { recursive: true, force: true })
}
