import { expect, test } from 'vitest'
import { plainFetch } from '../../src/client/fetch.js'
import { connect } from '../../src/client/index.js'
import { openConnection } from '../../src/perf/load/opened-connection.js'
import { allWell, callsOver, localhostIsIpv6, serveEcho } from '../support/by-localhost.js'
import { certificateDirectory } from '../support/certificates.js'
import { freePort } from '../support/free-port.js'
import { makeWorld, serveTest } from '../support/world.js'

test('a server at 127.0.0.1 is reached by `localhost` where that is ::1 alone', async () => {
  const node = [...localhostIsIpv6, '--dns-result-order=ipv6first']
  const certDir = await certificateDirectory()
  const url = await serveEcho('127.0.0.1', certDir)
  expect(await callsOver(url, certDir, node)).toEqual(allWell)
})

test('a name below localhost is this machine too', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls, allowedHosts: ['mcp.localhost'] })
  const serverUrl = `https://mcp.localhost:${served.server.port}/mcp`
  const client = await connect({ serverUrl, serverName: 'localhost', tls: world.tls, log: false })
  expect((await client.listTools()).tools).toHaveLength(3)
  await client.close()
})

test('where nobody listens, both addresses are named', async () => {
  await using world = await makeWorld()
  const port = await freePort()
  const serverUrl = `https://localhost:${port}/mcp`
  await expect(connect({ serverUrl, tls: world.tls, log: false, retryAttempts: 0 })).rejects.toMatchObject({
    code: 'CONNECTION_FAILED',
    message: `no connection to localhost:${port} (ECONNREFUSED), tried 127.0.0.1 and ::1`,
  })
  const plain = plainFetch()
  await expect(plain(`http://localhost:${port}/`)).rejects.toMatchObject({
    message: `no connection to localhost:${port} (ECONNREFUSED), tried 127.0.0.1 and ::1`,
  })
  await plain.close()
  await expect(openConnection(new URL(`http://localhost:${port}`))).rejects.toMatchObject({
    message: `a connection to localhost:${port} failed (ECONNREFUSED), tried 127.0.0.1 and ::1`,
  })
})
