// What a good client feels while another address keeps the server busy, beside what it usually feels.
//   npm run build && node bench/starvation.mjs [--short]
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { makeCertificateSet } from '../dist/pki/index.js'
import { echoCall } from './messages.mjs'
import { ServerChild } from './server-child.mjs'
import { caller } from './wire.mjs'

const seconds = process.argv.includes('--short') ? 2 : 8
const ways = [
  'costly chains',
  'refused handshakes',
  'broken handshakes',
  'silent sockets',
  'half-closed',
  'slow heads',
  'slow bodies',
  'readers that do not read',
]

/** A call every 5 ms over one connection: milliseconds of each, and how many failed. @param {string} url @param {string} certDir */
async function felt(url, certDir) {
  const good = caller(url, certDir, 1)
  await good.call(echoCall())
  /** @type {number[]} */
  const times = []
  let failed = 0
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await delay(5)) {
    const begun = performance.now()
    await good.call(echoCall()).then(
      () => times.push(performance.now() - begun),
      () => failed++,
    )
  }
  good.close()
  times.sort((one, other) => one - other)
  const at = (/** @type {number} */ share) => times[Math.floor(times.length * share)] ?? Number.NaN
  return { p50: at(0.5), p99: at(0.99), calls: times.length, failed }
}

const certDir = await mkdtemp(join(tmpdir(), 'mcp-mtls-bench-'))
try {
  await makeCertificateSet({ certDir })
  console.log(`node ${process.version}, ${seconds} s each, a call every 5 ms over one connection`)
  console.log('beside                     p50 ms   usual   ratio   p99 ms   calls  failed')
  for (const way of ways) {
    const server = await ServerChild.start({ kind: 'ours', certDir, limits: 'default' })
    const program = fileURLToPath(new URL('attacker.mjs', import.meta.url))
    await felt(server.url, certDir) // warm
    const before = await felt(server.url, certDir)
    const attacker = fork(program, [way, new URL(server.url).port, certDir])
    await delay(1500)
    const beside = await felt(server.url, certDir)
    const gone =
      attacker.exitCode === null ? once(attacker, 'exit') : Promise.reject(new Error(`${way}: it ended`))
    attacker.kill('SIGKILL')
    await gone
    const after = await felt(server.url, certDir)
    server.stop()
    const usual = (before.p50 + after.p50) / 2
    const cells = [
      way.padEnd(25),
      beside.p50.toFixed(2).padStart(8),
      usual.toFixed(2).padStart(7),
      `×${(beside.p50 / usual).toFixed(2)}`.padStart(7),
      beside.p99.toFixed(1).padStart(8),
      String(beside.calls).padStart(7),
      String(beside.failed).padStart(7),
    ]
    console.log(cells.join(' '))
  }
} finally {
  await rm(certDir, { recursive: true, force: true })
}
