// node bench/handshakes.mjs [--short] [--large] [--json] [--rounds N]
// What a connection costs beside bare `node:https` with the same certificates (TLS 1.3, P-256, client certificates
// asked for): handshakes with one answer per CPU-second of the server, full and resumed, the kinds taking turns; and the
// resident memory of an idle connection, at 0 and 1,000 of them (`--large`: 4,000). Ratios are medians over the
// rounds, with the quarter below and above.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, createSecureContext } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeCertificateSet } from '../dist/pki/index.js'
import { median, percentile, round } from './figures.mjs'

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    large: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    memory: { type: 'string' },
  },
})
const rounds = Number(values.rounds ?? (values.short ? 4 : 80))
const memoryRounds = Number(values.memory ?? (values.short ? 1 : 3))
const perTurn = 40
const idle = values.large ? 4000 : values.short ? 200 : 1000
const atOnce = 8
const kinds = /** @type {const} */ (['bare', 'ours', 'quiet'])

/** @typedef {{ cpu: number, rss: number, heap: number }} Usage */

class Child {
  /** @param {import('node:child_process').ChildProcess} child @param {number} port */
  constructor(child, port) {
    this.child = child
    this.port = port
  }

  /** @param {string} kind @param {string} certDir */
  static async start(kind, certDir) {
    const program = fileURLToPath(new URL('handshake-server.mjs', import.meta.url))
    const stdio = /** @type {const} */ (['ignore', 'ignore', 'ignore', 'ipc'])
    const child = fork(program, [kind, certDir], { execArgv: ['--expose-gc'], stdio: [...stdio] })
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(`${kind} did not start`)))
    const [port] = await Promise.race([once(child, 'message'), ended])
    ended.catch(() => {})
    return new Child(child, port)
  }

  /** @param {'usage' | 'collect'} question @returns {Promise<Usage>} */
  async ask(question) {
    const answer = once(this.child, 'message')
    this.child.send(question)
    return (await answer)[0]
  }

  stop() {
    this.child.disconnect()
  }
}

const certDir = mkdtempSync(join(tmpdir(), 'mcp-mtls-bench-'))
try {
  await makeCertificateSet({ certDir })
  const read = (/** @type {string} */ file) => readFileSync(join(certDir, file))
  const secureContext = createSecureContext({
    ca: read('ca.crt'),
    cert: read('client.crt'),
    key: read('client.key'),
    minVersion: 'TLSv1.3',
  })

  /** A connection with its first answer. @param {number} port @param {Buffer} [session] */
  const open = async (port, session) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'localhost', secureContext, session })
    /** @type {Buffer | undefined} */
    let ticket
    socket.on('session', (latest) => {
      ticket = latest
    })
    await once(socket, 'secureConnect')
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const [answer] = await once(socket, 'data')
    if (!String(answer).startsWith('HTTP/1.1 200')) throw new Error(String(answer))
    if (session && !socket.isSessionReused()) throw new Error('the session was not resumed')
    socket.on('error', () => {})
    return { socket, ticket }
  }

  /** CPU of the server for one handshake, µs. @param {Child} server @param {boolean} isResumed */
  const turn = async (server, isResumed) => {
    const first = await open(server.port)
    first.socket.destroy()
    const session = isResumed ? first.ticket : undefined
    const before = await server.ask('usage')
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        for (let done = 0; done < perTurn / atOnce; done++) {
          const { socket } = await open(server.port, session)
          socket.destroy()
          await once(socket, 'close')
        }
      }),
    )
    const after = await server.ask('usage')
    return (after.cpu - before.cpu) / perTurn
  }

  /** @type {Record<string, Child>} */
  const servers = {}
  for (const kind of kinds) servers[kind] = await Child.start(kind, certDir)
  /** @returns {Record<string, number[]>} */
  const none = () => ({ bare: [], ours: [], quiet: [] })
  /** @type {Record<string, Record<string, number[]>>} */
  const costs = { full: none(), resumed: none() }
  const warmUp = values.short ? 1 : 5
  for (let turns = -warmUp; turns < rounds; turns++)
    // Whoever comes first in a round is another one each time.
    for (const way of ['full', 'resumed'])
      for (let at = 0; at < kinds.length; at++) {
        const kind = /** @type {string} */ (kinds[(at + turns + warmUp) % kinds.length])
        const cost = await turn(/** @type {Child} */ (servers[kind]), way === 'resumed')
        if (turns >= 0) costs[way]?.[kind]?.push(cost)
      }
  for (const server of Object.values(servers)) server.stop()

  /** Resident bytes and bytes of objects of one more idle connection. @param {string} kind */
  const memoryOf = async (kind) => {
    const server = await Child.start(kind, certDir)
    /** @type {import('node:tls').TLSSocket[]} */
    const sockets = []
    for (let count = 0; count < 300; count++) (await open(server.port)).socket.destroy()
    const before = await server.ask('collect')
    for (let count = 0; count < idle; count++) sockets.push((await open(server.port)).socket)
    const after = await server.ask('collect')
    for (const socket of sockets) socket.destroy()
    server.stop()
    return {
      at_0: before.rss,
      resident: (after.rss - before.rss) / idle,
      objects: (after.heap - before.heap) / idle,
    }
  }
  /** @type {Record<string, { at_0: number, resident: number, objects: number }[]>} */
  const memory = { bare: [], ours: [], quiet: [] }
  for (let turns = 0; turns < memoryRounds; turns++)
    for (const kind of kinds) memory[kind]?.push(await memoryOf(kind))

  const handshakes = ['full', 'resumed'].flatMap((way) =>
    kinds.map((kind) => {
      const of = costs[way]?.[kind] ?? []
      const ratios = of.map((cost, at) => cost / (costs[way]?.bare?.[at] ?? Number.NaN))
      return {
        way,
        kind,
        cpu_us: round(median(of), 0),
        per_cpu_second: round(1e6 / median(of), 0),
        to_bare: round(median(ratios), 3),
        low: round(percentile(ratios, 0.25), 3),
        high: round(percentile(ratios, 0.75), 3),
      }
    }),
  )
  const idleCost =
    memoryRounds === 0
      ? []
      : kinds.map((kind) => {
          const of = memory[kind] ?? []
          const middle = (/** @type {'at_0' | 'resident' | 'objects'} */ field) =>
            median(of.map((one) => one[field]))
          const ratios = of.map(({ resident }, at) => resident / (memory.bare?.[at]?.resident ?? Number.NaN))
          return {
            kind,
            idle,
            resident_mb_at_0: round(middle('at_0') / 1e6, 1),
            resident_kb: round(middle('resident') / 1000, 1),
            objects_kb: round(middle('objects') / 1000, 1),
            to_bare: round(median(ratios), 3),
            low: round(Math.min(...ratios), 3),
            high: round(Math.max(...ratios), 3),
          }
        })
  if (values.json) process.stdout.write(`${JSON.stringify({ handshakes, idle: idleCost }, null, 2)}\n`)
  else
    process.stdout.write(
      `${[
        `Node ${process.versions.node}, OpenSSL ${process.versions.openssl}, ${rounds} rounds of ${perTurn}`,
        ...[handshakes, idleCost].map((rows) => table(rows)),
      ].join('\n\n')}\n`,
    )
} finally {
  rmSync(certDir, { recursive: true, force: true })
}

/** @param {Record<string, string | number>[]} rows */
function table(rows) {
  const names = Object.keys(rows[0] ?? {})
  const lines = [names, ...rows.map((row) => names.map((name) => String(row[name])))]
  const widths = names.map((_name, at) => Math.max(...lines.map((line) => (line[at] ?? '').length)))
  return lines.map((line) => line.map((cell, at) => cell.padStart(widths[at] ?? 0)).join('  ')).join('\n')
}
