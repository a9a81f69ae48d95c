import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type TLSSocket, connect as tlsConnect } from 'node:tls'
import { expect, test } from 'vitest'
import { root } from '../architecture/sources.js'
import { startNode } from '../support/cli.js'
import { forge, forgeCrl, writeSet } from '../support/forge.js'
import { clientTls } from '../support/wire.js'
import { makeWorld } from '../support/world.js'

interface Answered {
  readonly head: string
  readonly body: string
}

/** One request by curl; an answer of nothing where the connection failed. */
function curl(
  certDir: string,
  url: string,
  { certificate = true, args = [] as string[] } = {},
): Promise<Answered> {
  const file = (name: string) => join(certDir, name)
  const own = certificate ? ['--cert', file('client.crt'), '--key', file('client.key')] : []
  return new Promise((resolve) =>
    execFile('curl', ['-sS', '-i', '--cacert', file('ca.crt'), ...own, ...args, url], (error, stdout) => {
      const [head = '', ...rest] = stdout.split('\r\n\r\n')
      resolve({ head: error ? `${error.message}${head}` : head, body: rest.join('\r\n\r\n') })
    }),
  )
}

/** The serial number of the certificate that a server shows. */
async function shownSerial(certDir: string, url: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket: TLSSocket = tlsConnect({
    host: hostname,
    port: Number(port),
    servername: hostname,
    ...clientTls(certDir),
  })
  await once(socket, 'secureConnect')
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber.toLowerCase().replace(/^0+/, '')
}

test.each(['plain-node', 'express', 'fastify', 'hono'])(
  'examples/%s.mjs serves whom it should, and nobody else',
  async (name) => {
    await using world = await makeWorld()
    const { certDir } = world
    const { printed, process, finished } = startNode([join(root, 'examples', `${name}.mjs`), certDir, '0'], {
      cwd: root,
    })
    const [url] = await printed(/https:\/\/localhost:\d+\//)

    const stranger = await curl(certDir, url, { certificate: false })
    expect(stranger.head).toMatch(/^HTTP\/1\.1 403 Refused: no client certificate \(CLIENT_CERT_REQUIRED\)/)
    expect(JSON.parse(stranger.body)).toMatchObject({
      reason: 'CLIENT_CERT_REQUIRED',
      message: expect.any(String),
    })

    const known = await curl(certDir, url)
    expect(known.head).toMatch(/^HTTP\/1\.1 200 /)
    expect(known.body).toBe('Hello cn:mcp-client\n')

    const webSocket = [
      '-H',
      'Connection: Upgrade',
      '-H',
      'Upgrade: websocket',
      '-H',
      'Sec-WebSocket-Version: 13',
    ]
    const upgrade = await curl(certDir, url, {
      args: [...webSocket, '-H', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=='],
    })
    expect(upgrade.head).toMatch(/^HTTP\/1\.1 403 /)
    expect(upgrade.body).toContain('NOT_AUTHORIZED')

    // New certificates under load: nobody notices.
    let isRunning = true
    const heads: string[] = []
    const load = Array.from({ length: 3 }, async () => {
      while (isRunning) heads.push((await curl(certDir, url)).head)
    })
    const next = await forge({ issuer: world.ca, usage: 'server', commonName: 'mcp-server' })
    await expect.poll(() => heads.length).toBeGreaterThan(3)
    await writeSet(certDir, { server: next })
    await expect.poll(() => shownSerial(certDir, url)).toBe(next.serial)
    const before = heads.length
    await expect.poll(() => heads.length).toBeGreaterThan(before + 3)
    isRunning = false
    await Promise.all(load)
    expect(heads.filter((head) => !head.startsWith('HTTP/1.1 200 '))).toEqual([])

    await writeSet(certDir, { crl: await forgeCrl({ issuer: world.ca, revoked: [world.client.serial] }) })
    await expect
      .poll(async () => (await curl(certDir, url)).head, { timeout: 2000, interval: 20 })
      .toMatch(/^HTTP\/1\.1 403 Refused: certificate revoked \(CERT_REVOKED\)/)

    process.kill('SIGTERM')
    expect(await finished).toMatchObject({ exitCode: 0 })
  },
)
