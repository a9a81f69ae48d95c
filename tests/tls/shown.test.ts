import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { PeerJudge } from '../../src/tls/peer.js'
import { shownBy } from '../../src/tls/shown.js'
import { readCertificates } from '../../src/x509/pem.js'
import { bareServer } from '../support/bare-peers.js'
import { forge, forgeCa } from '../support/forge.js'

async function connected() {
  const ca = await forgeCa({ commonName: 'Root' })
  const intermediate = await forgeCa({ issuer: ca, commonName: 'Between' })
  const leaf = await forge({ issuer: intermediate, usage: 'server' })
  const server = await bareServer({ cert: leaf.cert + intermediate.cert, key: leaf.key })
  const { port, hostname: host } = new URL(server.url)
  const socket = connect({ host, port: Number(port), servername: 'localhost', rejectUnauthorized: false })
  onTestFinished(async () => {
    socket.destroy()
    await server[Symbol.asyncDispose]()
  })
  await once(socket, 'secureConnect')
  return { ca, socket }
}

// Node's own way to an X509Certificate takes the issuers out of OpenSSL's list without freeing them: what is still
// there at the second look was not left behind by the first.
test('looking at a chain leaves it where it is', async () => {
  const { ca, socket } = await connected()
  const trust = { anchors: readCertificates(ca.cert, 'ca.crt'), mode: 'strict', crls: undefined } as const
  const looks = [1, 2, 3].map(() => new PeerJudge(trust, 'server').read(socket))
  for (const { path } of looks) {
    expect(path?.anchored).toBe(true)
    expect(path?.certificates).toHaveLength(3)
  }
})

test('the chain of a leaf that is known is not asked for', async () => {
  const { socket } = await connected()
  const shown = shownBy(socket, () => false)
  expect(shown?.certificates).toHaveLength(2)
  expect(shownBy(socket, (fingerprint) => fingerprint === shown?.fingerprint256)?.certificates).toEqual([])
})

test('a socket that is destroyed shows nothing', async () => {
  const { socket } = await connected()
  socket.destroy()
  await once(socket, 'close')
  expect(shownBy(socket, () => false)).toBeUndefined()
})

test('where the runtime does not tell what OpenSSL found, the peer is refused', async () => {
  const { ca, socket } = await connected()
  const trust = { anchors: readCertificates(ca.cert, 'ca.crt'), mode: 'demo', crls: undefined } as const
  const judge = new PeerJudge(trust, 'server')
  const judged = (of: TLSSocket) => judge.verdict(judge.read(of), 'localhost', new Date())
  expect(judged(socket)).toMatchObject({ accepted: true })
  expect(judged(Object.create(socket, { _handle: { value: {} } }))).toMatchObject({
    code: 'SERVER_CERT_INVALID',
  })
})
