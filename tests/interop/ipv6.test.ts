// What is at both addresses of this machine needs a machine with both.
import { once } from 'node:events'
import { Server as HttpServer } from 'node:http'
import { type AddressInfo, createServer, Server, type Socket, connect as tcpConnect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { expect, onTestFinished, test, vi } from 'vitest'
import { connect } from '../../src/client/index.js'
import { allWell, callsOver, serveEcho } from '../support/by-localhost.js'
import { getJson } from '../support/call.js'
import { certificateDirectory } from '../support/certificates.js'
import { runCli } from '../support/cli.js'
import { forge, forgeCa } from '../support/forge.js'
import { scratch } from '../support/scratch.js'
import { Script, slowServer } from '../support/slow-server.js'
import { describeWith } from '../support/tools.js'
import { answerJson, exposed } from '../support/upstream.js'
import { ask, toolCall } from '../support/wire.js'
import { makeWorld, serveTest } from '../support/world.js'

const hasIpv6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
)

describeWith('IPv6', hasIpv6, 'localhost', () => {
  test('a server at ::1 is reached by it, also where one address alone is tried', async () => {
    const certDir = await certificateDirectory()
    const url = await serveEcho('::1', certDir)
    const node = ['--no-network-family-autoselection', '--dns-result-order=ipv4first']
    expect(await callsOver(url, certDir, node)).toEqual(allWell)
  })

  test('a server behind ours is reached at ::1, by its address and as localhost', async () => {
    await using world = await makeWorld()
    const hosts: (string | undefined)[] = []
    const server = new HttpServer((request, response) => {
      hosts.push(request.headers.host)
      request.resume().on('end', () => answerJson(request, response, '{"id":1,"method":"ping"}'))
    }).listen(0, '::1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    for (const host of ['[::1]', 'localhost']) {
      const { url } = await exposed(`http://${host}:${port}/mcp`, world)
      expect((await ask(url, world.certDir, { body: toolCall('echo') })).status).toBe(200)
    }
    expect(hosts).toEqual([`[::1]:${port}`, `localhost:${port}`])
  })

  test('as a host to listen at it is both addresses, with one port', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, host: 'localhost' })
    const { port, url } = served.server
    expect(url).toBe(`https://localhost:${port}/mcp`)
    for (const host of ['127.0.0.1', '[::1]', 'localhost']) {
      const serverUrl = `https://${host}:${port}/mcp`
      const client = await connect({ serverUrl, tls: world.tls, log: false })
      expect((await client.listTools()).tools).toHaveLength(3)
      await client.close()
    }
    await served.server.close()
    for (const host of ['127.0.0.1', '::1'])
      await expect(once(tcpConnect(port, host), 'connect')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  test('both addresses serve plain HTTP too, where that is asked for', async () => {
    await using served = await serveTest({ tlsEnabled: false, httpPort: 0, host: 'localhost' })
    for (const host of ['127.0.0.1', '[::1]']) {
      const answer = await fetch(`http://${host}:${served.server.port}/health`)
      expect(await answer.json()).toMatchObject({ status: 'ok', mode: 'plaintext' })
    }
  })

  test('the refused at ::1 read why, and are told of as at 127.0.0.1', async () => {
    const stranger = await forge({ issuer: await forgeCa(), usage: 'client' })
    await using world = await makeWorld({ client: stranger })
    await using served = await serveTest({ tls: world.tls, host: 'localhost' })
    const health = new URL(`https://[::1]:${served.server.port}/health`)
    expect(await getJson(health, world.certDir)).toMatchObject({ status: 403 })
    expect(await served.event('connection-refused')).toMatchObject({
      reason: 'CLIENT_CERT_REJECTED',
      peerAddress: expect.stringContaining('::1'),
    })
  })

  test('both addresses together have as many connections as one server may', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, host: 'localhost', limits: { maxConnections: 3 } })
    const { port } = served.server
    const sockets: Socket[] = []
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy()
    })
    const open = async (host: string) => {
      const socket = tcpConnect(port, host)
      sockets.push(socket)
      await once(socket, 'connect')
      return socket
    }
    const [first] = [await open('127.0.0.1'), await open('::1'), await open('::1')]
    const dropped = await Promise.all([open('127.0.0.1'), open('::1')])
    await Promise.all(dropped.map((socket) => once(socket.resume(), 'close')))
    const told = await served.count('handshake-failed', 2)
    expect(told.map(({ message }) => message)).toEqual(Array(2).fill('refused: too many connections'))
    first?.destroy()
    const call = async () => {
      const client = await connect({
        serverUrl: `https://[::1]:${port}/mcp`,
        tls: world.tls,
        log: false,
        retryAttempts: 0,
      })
      await client.close()
      return 'served'
    }
    await expect.poll(() => call().catch(String)).toBe('served')
  })

  test('close waits for what goes on at either address', async () => {
    await using world = await makeWorld()
    const script = new Script()
    await using served = await serveTest({ tls: world.tls, host: 'localhost' }, () => slowServer(script))
    const serverUrl = `https://[::1]:${served.server.port}/mcp`
    const client = await connect({ serverUrl, tls: world.tls, log: false })
    const call = client.callTool({ name: 'wait', arguments: {} })
    await script.started.opened
    const closed = served.server.close()
    script.finish.open()
    expect(await call).toMatchObject({ content: [{ text: 'done' }] })
    await closed
    await client.close()
  })

  test('a port that somebody has at ::1 is in use', async () => {
    const other = createServer().listen(0, '::1')
    onTestFinished(() => void other.close())
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const certDir = await certificateDirectory()
    const args = ['serve', 'echo', '--host', 'localhost', '--tls-port', String(port), '--cert-dir', certDir]
    const { stderr } = await runCli(args, { cwd: scratch() })
    expect(stderr).toMatch(`PORT_IN_USE: localhost:${port} is in use by another program at ::1`)
  })

  /** Binding a port at an address fails as often as `failing` says so. */
  function failToListen(code: string, failing: (address: unknown, port: unknown) => boolean): void {
    const listen = Server.prototype.listen as (...args: unknown[]) => Server
    const fake = function (this: Server, ...args: unknown[]) {
      if (!failing(args[1], args[0])) return listen.apply(this, args)
      process.nextTick(() => this.emit('error', Object.assign(new Error('no'), { code })))
      return this
    }
    vi.spyOn(Server.prototype, 'listen').mockImplementation(fake as never)
    onTestFinished(() => void vi.restoreAllMocks())
  }

  test('a free port is one that is free at both addresses', async () => {
    const tried: unknown[] = []
    failToListen('EADDRINUSE', (address, port) => address === '::1' && tried.push(port) < 3)
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, host: 'localhost' })
    expect(tried).toHaveLength(3)
    expect(tried.at(-1)).toBe(served.server.port)
    for (const host of ['127.0.0.1', '[::1]']) {
      const serverUrl = `https://${host}:${served.server.port}/mcp`
      const client = await connect({ serverUrl, tls: world.tls, log: false })
      await client.close()
    }
  })

  test.each(['::1', '127.0.0.1'])('a machine that lacks %s listens at the other', async (missing) => {
    failToListen('EADDRNOTAVAIL', (address) => address === missing)
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls, host: 'localhost' })
    const client = await connect({ serverUrl: served.server.url, tls: world.tls, log: false })
    expect((await client.listTools()).tools).toHaveLength(3)
    await client.close()
  })
})
