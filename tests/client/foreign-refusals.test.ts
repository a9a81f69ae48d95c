import { once } from 'node:events'
import { createServer as createHttps } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { createServer } from 'node:tls'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { connect, mtlsFetch } from '../../src/client/index.js'
import { runCli } from '../support/cli.js'
import { forge, forgeCa, writeSet } from '../support/forge.js'
import { freePort } from '../support/free-port.js'
import { openssl } from '../support/openssl.js'
import { makeWorld, type World } from '../support/world.js'

// Servers that are not ours, and do not accept our certificate: what they say arrives, in one code.

/** A client of another CA than its server trusts. */
let world: World
beforeAll(async () => {
  const server = await forgeCa()
  world = await makeWorld({ ca: server, client: await forge({ issuer: await forgeCa(), usage: 'client' }) })
})
afterAll(() => world[Symbol.asyncDispose]())

/** `openssl s_server` that insists on a certificate: it says what it does not like in an alert. */
async function opensslServer(...args: string[]): Promise<string> {
  const port = await freePort()
  const at = (name: string) => join(world.certDir, name)
  const files = ['-cert', at('server.crt'), '-key', at('server.key'), '-CAfile', at('ca.crt')]
  const asks = ['-Verify', '3', '-verify_return_error', '-www']
  await openssl('s_server', '-accept', `127.0.0.1:${port}`, ...asks, ...files, ...args).until(/ACCEPT/)
  return `https://localhost:${port}/mcp`
}

describe.each(['-tls1_2', '-tls1_3'])('openssl s_server %s', (version) => {
  test('that does not know our CA: the same from fetch, connect and test-tls', async () => {
    const url = await opensslServer(version)
    const fetch = mtlsFetch(world.tls)
    const refused = {
      code: 'CLIENT_CERT_REJECTED',
      message: expect.stringContaining('does not trust the CA that issued it'),
    }
    const failure = await fetch(url).catch((error) => error)
    expect(failure).toMatchObject({ name: 'MtlsError', ...refused })
    await fetch.close()
    await expect(connect({ serverUrl: url, tls: world.tls, log: false })).rejects.toMatchObject(refused)
    const { stdout } = await runCli(['test-tls', url, '--cert-dir', world.certDir, '--json'])
    const problem = JSON.stringify(JSON.parse(stdout))
    expect(problem).toContain('CLIENT_CERT_REJECTED')
    expect(problem).toContain(failure.hint)
  })

  test('that we show an expired one', async () => {
    const day = 86_400_000
    const ended = { notBefore: new Date(Date.now() - 9 * day), notAfter: new Date(Date.now() - day) }
    const expired = await forge({ issuer: world.ca, usage: 'client', ...ended })
    const url = await opensslServer(version)
    // Ours does not load such a file: it is what the server says of it that is looked at.
    const { stdout } = await runCli(['test-tls', url, '--cert-dir', await certDirWith(expired), '--json'])
    expect(stdout).toContain('CERT_EXPIRED')
  })
})

async function certDirWith(client: Awaited<ReturnType<typeof forge>>): Promise<string> {
  const other = await makeWorld({ ca: world.ca })
  onTestFinished(() => other[Symbol.asyncDispose]())
  await writeSet(other.certDir, { client })
  return join(other.certDir)
}

test.each([
  [400, '400 The SSL certificate error', 'CLIENT_CERT_REJECTED'],
  [400, '400 No required SSL certificate was sent', 'CLIENT_CERT_REQUIRED'],
  [495, 'SSL certificate error', 'CLIENT_CERT_REJECTED'],
  [496, 'SSL certificate required', 'CLIENT_CERT_REQUIRED'],
])('nginx’s page %d %s is %s', async (status, words, code) => {
  const { cert, key } = world.server
  const server = createHttps({ cert, key }, (_request, response) =>
    response.writeHead(status, { 'content-type': 'text/html' }).end(`<html><title>${words}</title></html>`),
  )
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  const url = `https://localhost:${(server.address() as AddressInfo).port}/mcp`
  await expect(connect({ serverUrl: url, tls: world.tls, log: false })).rejects.toMatchObject({
    name: 'MtlsError',
    code,
  })
})

test('a page of HTML that is about something else stays an answer', async () => {
  const { cert, key } = world.server
  const server = createHttps({ cert, key }, (_request, response) =>
    response.writeHead(400, { 'content-type': 'text/html' }).end('<html>other</html>'),
  )
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  const fetch = mtlsFetch(world.tls)
  const answer = await fetch(`https://localhost:${(server.address() as AddressInfo).port}/`)
  expect([answer.status, await answer.text()]).toEqual([400, '<html>other</html>'])
  await fetch.close()
})

test('a server that says nothing is said to have said nothing, and what may be behind it', async () => {
  const { cert, key } = world.server
  const server = createServer(
    { cert, key, requestCert: true, rejectUnauthorized: true, ca: world.ca.cert },
    () => {},
  )
  server.on('tlsClientError', () => {})
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void server.close())
  const url = `https://localhost:${(server.address() as AddressInfo).port}/mcp`
  const failure = await connect({ serverUrl: url, tls: world.tls, log: false, retryAttempts: 0 }).catch(
    (error) => error,
  )
  expect(failure).toMatchObject({ name: 'MtlsError', code: 'CONNECTION_FAILED' })
  expect(failure.message).toMatch(/ended the connection after our client certificate without a word/)
  expect(failure.hint).toContain('test-tls')
})
