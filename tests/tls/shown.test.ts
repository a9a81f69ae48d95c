import { once } from 'node:events'
import { connect, TLSSocket } from 'node:tls'
import { expect, onTestFinished, test, vi } from 'vitest'
import { PeerJudge } from '../../src/tls/peer.js'
import { shownBy } from '../../src/tls/shown.js'
import { readCertificates } from '../../src/x509/pem.js'
import { bareServer } from '../support/bare-peers.js'
import { forge, forgeCa } from '../support/forge.js'

/** A client's end, at a server with an intermediate; or with two, the upper one before the lower one. */
async function connected({ isReversed = false, isTrusted = false } = {}) {
  const ca = await forgeCa({ commonName: 'Root' })
  const upper = await forgeCa({ issuer: ca, commonName: 'Upper' })
  const issuer = isReversed ? await forgeCa({ issuer: upper, commonName: 'Lower' }) : upper
  const leaf = await forge({ issuer, usage: 'server' })
  const chain = isReversed ? upper.cert + issuer.cert : issuer.cert
  const server = await bareServer({ cert: leaf.cert + chain, key: leaf.key })
  const { port, hostname: host } = new URL(server.url)
  const trust = isTrusted ? { ca: ca.cert } : {}
  const again = async () => {
    const socket = connect({
      host,
      port: Number(port),
      servername: 'localhost',
      rejectUnauthorized: false,
      ...trust,
    })
    onTestFinished(() => void socket.destroy())
    await once(socket, 'secureConnect')
    return socket
  }
  onTestFinished(() => server[Symbol.asyncDispose]())
  return { ca, socket: await again(), again }
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

test('all of a chain in another order is looked at once for each leaf, where OpenSSL found a way', async () => {
  const costly = vi.spyOn(TLSSocket.prototype, 'getPeerX509Certificate')
  onTestFinished(() => costly.mockRestore())
  const { ca, socket, again } = await connected({ isReversed: true, isTrusted: true })
  const trust = { anchors: readCertificates(ca.cert, 'ca.crt'), mode: 'strict', crls: undefined } as const
  const judge = new PeerJudge(trust, 'server')
  for (const one of [socket, await again()]) expect(judge.read(one).path?.anchored).toBe(true)
  expect(costly).toHaveBeenCalledTimes(1)
  // One that is content with nothing, whatever comes.
  const none = new PeerJudge({ ...trust, anchors: [] }, 'server')
  for (const one of [await again(), await again()]) expect(none.read(one).path?.anchored).toBe(false)
  expect(costly).toHaveBeenCalledTimes(2)
})

test('of a stranger Node’s first look is the only one', async () => {
  const { ca, socket } = await connected({ isReversed: true })
  const costly = vi.spyOn(socket, 'getPeerX509Certificate')
  const trust = { anchors: readCertificates(ca.cert, 'ca.crt'), mode: 'strict', crls: undefined } as const
  expect(new PeerJudge(trust, 'server').read(socket).path?.anchored).toBe(false)
  expect(costly).not.toHaveBeenCalled()
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
