// node bench/endurance.mjs [--minutes 30 | --seconds N] [--every SECONDS] [--json]
// Sixteen calls in flight for long, while the server's certificate is renewed, a client is revoked and a list published every
// ten seconds, and one call of a hundred is given up. Exits 1 when an allowed call failed, or a revoked client was let in.
// Prints heap (after a collection), resident memory and handles of the server's process as time went by.
import { mkdtempSync, rmSync } from 'node:fs'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import {
  addCertificate,
  makeCertificateSet,
  renewCertificates,
  revokeCertificate,
} from '../dist/pki/index.js'
import { median, round } from './figures.mjs'
import { echoCall, eras } from './messages.mjs'
import { ServerChild } from './server-child.mjs'
import { clientTls } from './wire.mjs'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seconds: { type: 'string' },
    every: { type: 'string', default: '10' },
    json: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds ?? Number(values.minutes ?? 30) * 60)
const every = Number(values.every)
const inFlight = 16
const givenUp = 0.01
const calls = eras.map(echoCall)

/** @typedef {import('./server-child.mjs').Usage} Usage */

const certDir = mkdtempSync(join(tmpdir(), 'mcp-mtls-endurance-'))
try {
  await makeCertificateSet({ certDir })
  const child = await ServerChild.start({ kind: 'ours', certDir, limits: 'default' })
  const { url } = child
  const agentFor = (/** @type {string} */ name) =>
    new https.Agent({ keepAlive: true, maxSockets: inFlight, ...clientTls(certDir, name) })
  const agent = agentFor('client')
  const counts = { answered: 0, given_up: 0, reloads: 0, refused_revoked: 0 }
  /** @type {string[]} */
  const failures = []
  let isOver = false

  const worker = async () => {
    for (let count = 0; !isOver; count++) {
      const signal = Math.random() < givenUp ? AbortSignal.timeout(Math.floor(Math.random() * 4)) : undefined
      try {
        const call = calls[count % 2] ?? echoCall()
        const { status, body } = await send(url, agent, call, signal)
        if (status === 200 && body.includes('xxxx')) counts.answered++
        else failures.push(`${status} ${body.slice(0, 200)}`)
      } catch (error) {
        if (signal?.aborted) counts.given_up++
        else failures.push(String(error))
      }
    }
  }

  /** Renews the server's certificate, and revokes a client that was let in before. @param {number} turn */
  const change = async (turn) => {
    const name = `guest-${turn}`
    await addCertificate({ certDir, type: 'client', name })
    const guest = agentFor(name)
    const before = await send(url, guest, echoCall())
    if (before.status !== 200) failures.push(`a new client got ${before.status} ${before.body.slice(0, 200)}`)
    await renewCertificates({ certDir, all: true, name: 'server' })
    await revokeCertificate({ certDir, certificate: join(certDir, `${name}.crt`) })
    if (!(await child.reload())) failures.push('a reload failed')
    counts.reloads++
    const after = await send(url, guest, echoCall()).then(
      ({ status }) => status,
      () => 403, // its connection was ended
    )
    if (after === 403) counts.refused_revoked++
    else failures.push(`a revoked client got ${after}`)
    guest.destroy()
  }

  const workers = Array.from({ length: inFlight }, worker)
  await delay(Math.min(3000, seconds * 250)) // what is compiled and filled once is no leak
  /** @type {Usage[]} */
  const usages = []
  const begun = performance.now()
  for (let turn = 1; performance.now() - begun < seconds * 1000; turn++) {
    usages.push(await child.usageCollected())
    await change(turn)
    const due = begun + Math.min(turn * every, seconds) * 1000 - performance.now()
    if (due > 0) await delay(due)
    if (!values.json)
      process.stderr.write(`\r${Math.round((performance.now() - begun) / 1000)} s of ${seconds} s `)
  }
  isOver = true
  await Promise.all(workers)
  agent.destroy()
  usages.push(await child.usageCollected())
  child.stop()
  const third = Math.ceil(usages.length / 3)
  const of = (/** @type {Usage[]} */ some) => ({
    heap_mb: round(median(some.map(({ heap }) => heap)) / 1e6, 1),
    rss_mb: round(median(some.map(({ rss }) => rss)) / 1e6, 1),
    handles: median(some.map(({ handles }) => handles)),
  })
  const result = {
    seconds,
    ...counts,
    failed: failures.length,
    failures: failures.slice(0, 10),
    first_third: of(usages.slice(0, third)),
    last_third: of(usages.slice(-third)),
  }
  process.stdout.write(`${values.json ? '' : '\n'}${JSON.stringify(result, null, 2)}\n`)
  if (failures.length > 0) process.exitCode = 1
} finally {
  rmSync(certDir, { recursive: true, force: true })
}

/**
 * @param {string} url @param {https.Agent} agent @param {import('./messages.mjs').Message} message @param {AbortSignal} [signal]
 * @returns {Promise<{ status: number | undefined, body: string }>}
 */
function send(url, agent, { headers, body }, signal) {
  return new Promise((resolve, reject) => {
    const length = { 'content-length': Buffer.byteLength(body) }
    const options = { method: 'POST', agent, headers: { ...headers, ...length }, ...(signal && { signal }) }
    const request = https.request(url, options, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode, body: text }))
      response.on('error', reject)
    })
    request.on('error', reject).end(body)
  })
}
