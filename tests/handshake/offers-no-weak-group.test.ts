import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { connect as tlsConnect } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { mtlsFetch } from '../../src/client/index.js'
import { callAsBareClient } from '../support/bare-peers.js'
import { forge } from '../support/forge.js'
import { sClient } from '../support/openssl.js'
import { makeWorld, type Served, serveTest, type World } from '../support/world.js'

// A group over a finite field costs a server up to 0.2 s of CPU before any certificate was shown.

const good = ['X25519', 'P-256', 'P-384', 'P-521']
const bad = ['ffdhe2048', 'ffdhe8192', 'X448', 'brainpoolP256r1']

let world: World
let served: Served
beforeAll(async () => {
  world = await makeWorld()
  served = await serveTest({ tls: world.tls })
})
afterAll(async () => {
  await served[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

test.each(good)('our server agrees to a key exchange over %s', async (ecdhCurve) => {
  const { cert, key } = world.client
  const options = { cert, key, ecdhCurve, servername: 'localhost', rejectUnauthorized: false } as const
  const socket = tlsConnect({ port: served.server.port, host: '127.0.0.1', ...options })
  await once(socket, 'secureConnect')
  expect(socket.getEphemeralKeyInfo()).toMatchObject({ type: 'ECDH' })
  socket.destroy()
})

test.each(bad)('our server agrees to none over %s', async (group) => {
  expect(await sClient(served.server.port, '', '-groups', group)).toContain('no peer certificate available')
})

/** Whether our client comes to an end of the handshake with a server of this group alone. */
async function clientAgrees(ecdhCurve: string): Promise<boolean> {
  const { cert, key } = world.server
  const server = createServer({ cert, key, ecdhCurve }, (_request, response) => response.end())
  server.on('tlsClientError', (_error, socket) => socket.destroy())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const fetch = mtlsFetch(world.tls)
  const agreed = await fetch(`https://localhost:${(server.address() as AddressInfo).port}/`).then(
    ({ status }) => status === 200,
    () => false,
  )
  await fetch.close()
  await new Promise((resolve) => server.close(resolve))
  return agreed
}

test('our client agrees to the same groups, and to no other', async () => {
  for (const group of good) expect([group, await clientAgrees(group)]).toEqual([group, true])
  for (const group of bad) expect([group, await clientAgrees(group)]).toEqual([group, false])
})

test('a client with a P-521 key is served on TLS 1.2', async () => {
  const shown = await forge({ issuer: world.ca, usage: 'client', keyType: 'ec-p521' })
  expect(await callAsBareClient(served.server.port, { shown, version: 'TLSv1.2' })).toMatchObject({
    status: 200,
  })
})
