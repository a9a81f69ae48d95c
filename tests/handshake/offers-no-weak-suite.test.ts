import { once } from 'node:events'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { getCiphers, connect as tlsConnect } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { mtlsFetch } from '../../src/client/index.js'
import { forge, forgeCa } from '../support/forge.js'
import { makeWorld, type Served, serveTest, type World } from '../support/world.js'

// RFC 9325 section 4.2: forward secrecy and AEAD. Each side of ours meets a peer of TLS 1.2 that has one suite alone.

const good = /^ecdhe-(ecdsa|rsa)-(aes\d+-gcm-sha\d+|chacha20-poly1305)$/
const suites = getCiphers().filter((suite) => !suite.startsWith('tls_'))
const goodOf = (authentication: string) => suites.filter((suite) => good.exec(suite)?.[1] === authentication)

describe.each([
  ['ec-p256', 'ecdsa'],
  ['rsa', 'rsa'],
] as const)('with keys %s', (keyType, authentication) => {
  let world: World
  let served: Served
  beforeAll(async () => {
    const ca = await forgeCa()
    const server = await forge({ issuer: ca, usage: 'server', keyType })
    world = await makeWorld({ ca, server, client: await forge({ issuer: ca, usage: 'client', keyType }) })
    served = await serveTest({ tls: world.tls })
  })
  afterAll(async () => {
    await served[Symbol.asyncDispose]()
    await world[Symbol.asyncDispose]()
  })

  /** The suite that our server agrees to when these are offered, undefined for none. */
  const agreedByServer = async (ciphers: string): Promise<string | undefined> => {
    const { cert, key } = world.client
    const options = {
      cert,
      key,
      servername: 'localhost',
      rejectUnauthorized: false,
      maxVersion: 'TLSv1.2',
    } as const
    const socket = tlsConnect({ port: served.server.port, host: '127.0.0.1', ciphers, ...options })
    const outcome = await Promise.race([
      once(socket, 'secureConnect').then(() => socket.getCipher().name.toLowerCase()),
      new Promise<undefined>((resolve) => socket.once('error', () => resolve(undefined))),
    ])
    socket.destroy()
    return outcome
  }

  /** The suite that our client agrees to with a server that has these. */
  const agreedByClient = async (ciphers: string): Promise<string | undefined> => {
    const { cert, key } = world.server
    let agreed: string | undefined
    const server = createServer({ cert, key, ciphers, maxVersion: 'TLSv1.2' }, (_request, response) =>
      response.end(),
    )
    server.on('tlsClientError', (_error, socket) => socket.destroy())
    server.on('secureConnection', (socket) => {
      agreed = socket.getCipher().name.toLowerCase()
    })
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const fetch = mtlsFetch(world.tls)
    await fetch(`https://localhost:${(server.address() as AddressInfo).port}/`).catch(() => undefined)
    await fetch.close()
    await new Promise((resolve) => server.close(resolve))
    return agreed
  }

  /** The suites that are agreed to when each is offered alone. */
  const agreed = async (agreedBy: (ciphers: string) => Promise<string | undefined>) => {
    expect(suites.length).toBeGreaterThan(20)
    const found: string[] = []
    for (const suite of suites) found.push((await agreedBy(`${suite.toUpperCase()}:@SECLEVEL=0`)) ?? '')
    return found.filter(Boolean)
  }

  test('our server agrees to no weak suite, and to the good ones of this key', async () => {
    expect(await agreed(agreedByServer)).toEqual(goodOf(authentication))
  })

  test('our client agrees to no weak suite, and to the good ones of this key', async () => {
    expect(await agreed(agreedByClient)).toEqual(goodOf(authentication))
  })
})
