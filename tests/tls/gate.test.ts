import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { parseTlsConfig } from '../../src/config/index.js'
import { takeParser } from '../../src/server/take-parser.js'
import { SecurityEvents } from '../../src/tls/events.js'
import { Gate } from '../../src/tls/gate.js'
import { loadMaterial } from '../../src/tls/material/file-source.js'
import { callAsBareClient } from '../support/bare-peers.js'
import { forge } from '../support/forge.js'
import { makeWorld, type World } from '../support/world.js'

/** A gate with a handler of HTTP requests that answers 200. */
async function gated({ certDir }: World, demoMode = false) {
  const accepted: TLSSocket[] = []
  const server = createServer((_request, response) => response.end('served'))
  const parse = takeParser(server)
  const gate = new Gate({
    name: 'gated',
    material: await loadMaterial(parseTlsConfig({ certDir, demoMode }, 'server'), 'server'),
    events: new SecurityEvents([]),
    handshakeTimeout: 5000,
    excessPenalty: 0,
    maxConnectionsPerAddress: 10,
    maxConnectionsPerIdentity: 10,
    accepted: (socket) => {
      accepted.push(socket)
      parse.call(server, socket)
    },
  })
  server.on('connection', (raw) => gate.greet(raw))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  return { port: (server.address() as AddressInfo).port, accepted }
}

test('who was verified is `authorized` to frameworks that look at the socket; whom demo mode let pass is not', async () => {
  await using world = await makeWorld()
  const { port, accepted } = await gated(world, true)
  expect((await callAsBareClient(port, { shown: world.client })).status).toBe(200)
  const stranger = await forge({ usage: 'client', isCa: true })
  expect((await callAsBareClient(port, { shown: stranger })).status).toBe(200)
  expect(accepted.map(({ authorized }) => authorized)).toEqual([true, false])
})
