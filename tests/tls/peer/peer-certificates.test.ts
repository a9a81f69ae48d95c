import { once } from 'node:events'
import { TLSSocket } from 'node:tls'
import { expect, onTestFinished, test, vi } from 'vitest'
import { connectTls } from '../../../src/tls/client-socket.js'
import { presentedLeaf, Shares, strangers } from '../../../src/tls/peer/peer-certificates.js'
import { PeerJudge } from '../../../src/tls/peer/peer-judge.js'
import { readCertificate } from '../../../src/x509/certificate.js'
import { readCertificates } from '../../../src/x509/pem.js'
import { bareServer } from '../../support/bare-peers.js'
import { type Forged, forge, forgeCa } from '../../support/forge.js'

/** A client's end, at a server with an intermediate; or with two, the upper one before the lower one. */
async function connected({ isReversed = false, isTrusted = false } = {}) {
  const ca = await forgeCa({ commonName: 'Root' })
  const upper = await forgeCa({ issuer: ca, commonName: 'Upper' })
  const issuer = isReversed ? await forgeCa({ issuer: upper, commonName: 'Lower' }) : upper
  const reopened = async (leaf: Forged, trusted = isTrusted) =>
    connectedTo(
      { cert: leaf.cert + (isReversed ? upper.cert : '') + issuer.cert, key: leaf.key },
      trusted ? ca : undefined,
    )
  const { socket, again } = await reopened(await forge({ issuer, usage: 'server' }))
  return {
    ca,
    upper,
    socket,
    again,
    reopened: async (...of: Parameters<typeof reopened>) => (await reopened(...of)).socket,
  }
}

async function connectedTo(shown: { cert: string; key: string }, trusted: Forged | undefined) {
  const server = await bareServer(shown)
  onTestFinished(() => server[Symbol.asyncDispose]())
  const { port, hostname: host } = new URL(server.url)
  const again = async () => {
    const socket = connectTls({
      host,
      port: Number(port),
      servername: 'localhost',
      ...(trusted && { ca: trusted.cert }),
    })
    onTestFinished(() => void socket.destroy())
    await once(socket, 'secureConnect')
    return socket
  }
  return { socket: await again(), again }
}

function judgeOf(ca: Forged) {
  return new PeerJudge(
    { anchors: readCertificates(ca.cert, 'ca.crt'), mode: 'strict', crls: undefined },
    'server',
  )
}

// Node's way to the issuers takes them out of OpenSSL's list without freeing them.
function looksAtIssuers() {
  const looks = vi.spyOn(TLSSocket.prototype, 'getPeerX509Certificate')
  onTestFinished(() => looks.mockRestore())
  return looks
}

test('the issuers of a leaf that was accepted are not asked for again', async () => {
  const { ca, socket, again } = await connected({ isReversed: true, isTrusted: true })
  const looks = looksAtIssuers()
  const judge = judgeOf(ca)
  for (const one of [socket, await again(), await again()])
    expect(judge.read(one, 'localhost').path?.certificates).toHaveLength(4)
  expect(looks).toHaveBeenCalledTimes(1)
})

test('issuers that are known from another leaf are not asked for where OpenSSL is content', async () => {
  const { ca, upper, socket, reopened } = await connected({ isTrusted: true })
  const looks = looksAtIssuers()
  const other = await reopened(await forge({ issuer: upper, usage: 'server' }))
  const judge = judgeOf(ca)
  for (const one of [socket, other]) expect(judge.read(one, 'localhost').path?.anchored).toBe(true)
  expect(looks).toHaveBeenCalledTimes(1)
  // To somebody with whom it is not content all is looked at that was shown: here the issuer as well.
  const stranger = await reopened(await forge({ issuer: upper, usage: 'server' }), false)
  expect(judge.read(stranger, 'localhost').path?.anchored).toBe(true)
  expect(looks).toHaveBeenCalledTimes(2)
})

test('a leaf that was refused over one way is looked at anew when it comes with another', async () => {
  const root = await forgeCa({ commonName: 'Root' })
  const key = await forgeCa({ issuer: root, commonName: 'Issuer', notAfter: new Date(Date.now() - 1000) })
  const renewed = await forgeCa({ issuer: root, commonName: 'Issuer', keyOf: key })
  const leaf = await forge({ issuer: key, usage: 'server' })
  const judge = judgeOf(root)
  const verdictOver = async (issuer: Forged) => {
    const { socket } = await connectedTo({ cert: leaf.cert + issuer.cert, key: leaf.key }, root)
    return judge.verdict(judge.read(socket, 'localhost'), 'localhost', new Date())
  }
  expect(await verdictOver(key)).toMatchObject({ code: 'CERT_EXPIRED' })
  expect(await verdictOver(renewed)).toMatchObject({ accepted: true })
})

test('a peer makes us leave so much memory behind each day, and no more; all of them together too', () => {
  const shares = new Shares(2_500_000)
  const [one, other, third] = ['192.0.2.1', '192.0.2.2', '192.0.2.3'].map((address) => shares.of(address))
  const now = Date.now()
  expect(one?.isLeft(now)).toBe(true)
  one?.take(999_999)
  expect(one?.isLeft(now)).toBe(true)
  one?.take(1)
  expect(one?.isLeft(now)).toBe(false)
  expect(other?.isLeft(now)).toBe(true)
  other?.take(1_500_000)
  expect(third?.isLeft(now)).toBe(false)
  expect([one, other, third].map((share) => share?.isUsedUp())).toEqual([true, true, false])
  for (const tomorrow of [now + 86_400_000]) expect(one?.isLeft(tomorrow)).toBe(true)
})

test('whose share is used up is judged by what is known without looking', async () => {
  const { ca, socket } = await connected()
  const looks = looksAtIssuers()
  strangers.of(socket.remoteAddress ?? '').take(1_000_000)
  onTestFinished(() => strangers.clear())
  const judge = judgeOf(ca)
  const facts = judge.read(socket, 'localhost')
  expect(facts).toMatchObject({ isUnseen: true, isExcessive: true })
  expect(facts.path?.certificates).toHaveLength(1)
  expect(looks).not.toHaveBeenCalled()
  expect(judge.verdict(facts, 'localhost', new Date())).toMatchObject({
    code: 'SERVER_CERT_INVALID',
    message: expect.stringContaining('was not looked at, since too much has come from there today'),
  })
})

test('whose share is used up and who is accepted by what is known is not slowed down, then or later', async () => {
  const { ca, upper, socket, reopened } = await connected({ isTrusted: true })
  const judge = judgeOf(ca)
  judge.read(socket, 'localhost')
  const stranger = await reopened(await forge({ issuer: upper, usage: 'server' }), false)
  strangers.of(stranger.remoteAddress ?? '').take(1_000_000)
  onTestFinished(() => strangers.clear())
  for (const _again of [1, 2]) {
    const facts = judge.read(stranger, 'localhost')
    expect(judge.verdict(facts, 'localhost', new Date())).toMatchObject({ accepted: true })
    expect(facts.isExcessive).toBeUndefined()
  }
})

test('a socket that is destroyed shows nothing', async () => {
  const { socket } = await connected()
  socket.destroy()
  await once(socket, 'close')
  expect(presentedLeaf(socket)).toBeUndefined()
})

test('nothing of the session, in which there are secrets, is left in memory', async () => {
  const { socket } = await connected()
  const handle = (socket as unknown as { _handle: { getSession(): Buffer } })._handle
  const session = handle.getSession()
  vi.spyOn(handle, 'getSession').mockReturnValue(session)
  expect(readCertificate(Buffer.from(presentedLeaf(socket) ?? '', 'latin1')).subject).toBe('CN=forged')
  expect(session.every((byte) => byte === 0)).toBe(true)
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
