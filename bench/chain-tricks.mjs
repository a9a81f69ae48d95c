// What a stranger's certificates cost a server, beside bare node:https, as the trick grows. Ours must not grow with it.
//   npm run build && node bench/chain-tricks.mjs        (Linux: each handshake comes from an address of its own)
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { makeCertificateSet } from '../dist/pki/index.js'
import { costlyCas, manyNames, manyPurposes, stranger } from './costly-chain.mjs'
import { ServerChild } from './server-child.mjs'

const handshakes = 20
/** @type {[string, { cert: string, key: string }][]} */
const tricks = [
  ['a usual stranger', stranger],
  ...[5, 9, 10, 20].map((count) => /** @type {any} */ ([`${count} costly CAs`, costlyCas(count)])),
  ...[500, 2000].map((count) => /** @type {any} */ ([`${count} names`, manyNames(count)])),
  ...[500, 3000].map((count) => /** @type {any} */ ([`${count} purposes`, manyPurposes(count)])),
]

let address = 0
/** Milliseconds of the server's CPU for one handshake. @param {ServerChild} server @param {{ cert: string, key: string }} shown */
async function cost(server, shown) {
  const port = Number(new URL(server.url).port)
  const before = await server.usage()
  for (let one = 0; one < handshakes; one++) {
    address++
    const localAddress = `127.1.${address >> 8}.${address & 255}`
    /** @type {import('node:tls').ConnectionOptions & { localAddress: string }} */
    const options = {
      host: '127.0.0.1',
      port,
      localAddress,
      servername: 'localhost',
      rejectUnauthorized: false,
      ...shown,
    }
    const socket = connect(options)
    socket
      .on('error', () => {})
      .on('secureConnect', () => socket.end())
      .resume()
    await once(socket, 'close')
  }
  return ((await server.usage()).cpu - before.cpu) / 1000 / handshakes
}

const certDir = await mkdtemp(join(tmpdir(), 'mcp-mtls-bench-'))
const servers = []
try {
  await makeCertificateSet({ certDir })
  const ours = await ServerChild.start({ kind: 'ours', certDir, limits: 'default' })
  const bare = await ServerChild.start({ kind: 'bare', certDir })
  servers.push(ours, bare)
  for (const server of servers) await cost(server, stranger) // warm
  console.log(`node ${process.version}, ms of server CPU for a handshake, ${handshakes} each`)
  console.log('shown                 ours    bare  ours − bare')
  for (const [what, shown] of tricks) {
    const [our, other] = [await cost(ours, shown), await cost(bare, shown)]
    const cells = [our, other, our - other].map((value) => value.toFixed(2).padStart(8))
    console.log(what.padEnd(17), ...cells)
  }
} finally {
  for (const server of servers) server.stop()
  await rm(certDir, { recursive: true, force: true })
}
