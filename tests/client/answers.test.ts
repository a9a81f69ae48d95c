import { describe, expect, test } from 'vitest'
import { connect, MtlsError, mtlsFetch } from '../../src/client/index.js'
import { foreignServer } from '../support/foreign-server.js'
import { forge, forgeCa } from '../support/forge.js'
import { makeWorld, serveTest } from '../support/world.js'

/** What the client makes of a 403 with this body. */
async function refusedWith(body: string, type = 'application/json'): Promise<unknown> {
  await using world = await makeWorld()
  await using foreign = await foreignServer(world.server, (_request, response) => {
    response.writeHead(403, { 'content-type': type }).end(body)
  })
  const client = connect({ serverUrl: foreign.url, tls: world.tls, log: false })
  return await client.catch((error: unknown) => error)
}

const rejection = (reason: unknown, message: unknown) =>
  JSON.stringify({ error: 'mtls_rejected', reason, message })

describe('a 403 about our certificate', () => {
  test.each([
    'CLIENT_CERT_REQUIRED',
    'CERT_EXPIRED',
    'CERT_NOT_YET_VALID',
    'CERT_REVOKED',
    'CERT_INVALID',
    'CLIENT_CERT_REJECTED',
  ])('with the reason %s is that error, and says which side refused', async (reason) => {
    const error = await refusedWith(rejection(reason, 'because'))
    expect(error).toBeInstanceOf(MtlsError)
    expect(error).toMatchObject({
      code: reason,
      message: expect.stringMatching(/^the server at localhost:\d+ refused our client certificate: because$/),
      hint: expect.stringMatching(/\w/),
    })
  })

  test.each(['SOMETHING_NEW', 'CONFIG_INVALID', 7, null, undefined, { a: 1 }])(
    'with the unknown reason %j is CLIENT_CERT_REJECTED',
    async (reason) => {
      expect(await refusedWith(rejection(reason, 'because'))).toMatchObject({ code: 'CLIENT_CERT_REJECTED' })
    },
  )

  test('is shown with its control characters escaped, and cut', async () => {
    const error = await refusedWith(
      rejection('CERT_EXPIRED', `\u001b[2J\u202egpj\u0007 ${'x'.repeat(60_000)}`),
    )
    const { message } = error as Error
    expect(message).toContain('\\x1b[2J\\u{202e}gpj\\x07')
    expect(message).not.toMatch(/\p{C}/u)
    expect(message.length).toBeLessThan(700)
  })

  test('is read to a limit', async () => {
    const error = await refusedWith(rejection('CERT_EXPIRED', 'x'.repeat(20_000_000)))
    expect(error).toBeInstanceOf(Error)
    expect(JSON.stringify(error).length + (error as Error).message.length).toBeLessThan(300_000)
  })

  test('that never ends is cut off, and its connection closed', async () => {
    await using world = await makeWorld()
    const chunk = 'x'.repeat(64 * 1024)
    let close = () => {}
    const closed = new Promise<void>((resolve) => {
      close = resolve
    })
    await using foreign = await foreignServer(world.server, (_request, response) => {
      response.writeHead(403, { 'content-type': 'application/json' }).on('close', close)
      let chunks = 0
      const flood = () => {
        // A client that reads on gets no end, and not all the memory of this machine.
        while (chunks++ < 1000 && response.write(chunk));
      }
      response.on('drain', flood)
      flood()
    })
    const fetch = mtlsFetch(world.tls)
    const answer = await fetch(foreign.url)
    expect((await answer.text()).length).toBe(64 * 1024)
    await closed
    await fetch.close()
  })
})

describe('a 403 about something else', () => {
  test.each([
    ['application/json', '{"error":"forbidden"}'],
    ['application/json', 'not json'],
    ['application/json', 'null'],
    ['text/plain', rejection('CERT_EXPIRED', 'no')],
  ])('%s %s is the answer of fetch', async (type, body) => {
    await using world = await makeWorld()
    await using foreign = await foreignServer(world.server, (_request, response) => {
      response.writeHead(403, { 'content-type': type, 'x-reason': 'policy' }).end(body)
    })
    const fetch = mtlsFetch(world.tls)
    const response = await fetch(foreign.url)
    expect([response.status, response.headers.get('x-reason')]).toEqual([403, 'policy'])
    expect(await response.text()).toBe(body)
    await fetch.close()
  })
})

describe('a redirect', () => {
  test.each([301, 302, 303, 307, 308])(
    '%i to another origin is refused, which sees no request',
    async (status) => {
      await using world = await makeWorld()
      await using other = await foreignServer(world.server, (_request, response) => void response.end())
      await using foreign = await foreignServer(world.server, (_request, response) => {
        response.writeHead(status, { location: other.url }).end()
      })
      const fetch = mtlsFetch(world.tls)
      const init = { method: 'POST', body: '{}' }
      await expect(fetch(foreign.url, init)).rejects.toMatchObject({
        code: 'CONNECTION_FAILED',
        message: expect.stringContaining(`localhost:${other.port}`),
      })
      await fetch.close()
      const client = connect({ serverUrl: foreign.url, tls: world.tls, log: false })
      await expect(client).rejects.toThrow()
      expect(other).toMatchObject({ connections: 0, requests: [] })
      expect(foreign.requests).toHaveLength(2)
    },
  )

  test('from https to http is refused too', async () => {
    await using world = await makeWorld()
    await using plain = await foreignServer(undefined, (_request, response) => void response.end())
    await using foreign = await foreignServer(world.server, (_request, response) => {
      response.writeHead(307, { location: plain.url }).end()
    })
    const fetch = mtlsFetch(world.tls)
    await expect(fetch(foreign.url)).rejects.toMatchObject({ code: 'CONNECTION_FAILED' })
    await fetch.close()
    expect(plain.connections).toBe(0)
  })

  test('without TLS to another origin is refused likewise', async () => {
    await using other = await foreignServer(undefined, (_request, response) => void response.end())
    await using foreign = await foreignServer(undefined, (_request, response) => {
      response.writeHead(307, { location: other.url }).end()
    })
    await expect(connect({ serverUrl: foreign.url, useTls: false, log: false })).rejects.toThrow()
    expect(other.connections).toBe(0)
  })

  test('within the origin is followed', async () => {
    await using world = await makeWorld()
    await using foreign = await foreignServer(world.server, ({ url }, response, body) => {
      if (url === '/mcp') response.writeHead(307, { location: '/moved' }).end()
      else response.end(`moved: ${body}`)
    })
    const fetch = mtlsFetch(world.tls)
    const response = await fetch(foreign.url, { method: 'POST', body: 'hello' })
    expect(await response.text()).toBe('moved: hello')
    await fetch.close()
  })
})

describe('the server is refused before it sees a request, and the error says by whom, why and what to do', () => {
  const others = forgeCa({ commonName: 'Other CA' })
  test.each([
    ['its CA is another', 'SERVER_CERT_INVALID', async () => ({ issuer: await others })],
    ['it has another name', 'SERVER_NAME_MISMATCH', async () => ({ dns: ['other.example'], ip: [] })],
    ['it has expired', 'CERT_EXPIRED', async () => ({ notAfter: new Date(Date.now() - 1000) })],
    ['it is not valid yet', 'CERT_NOT_YET_VALID', async () => ({ notBefore: new Date(Date.now() + 60_000) })],
    ['it is a client', 'SERVER_CERT_INVALID', async () => ({ usage: 'client' as const, dns: ['localhost'] })],
  ])('%s: %s', async (_why, code, options) => {
    const ca = await forgeCa()
    await using world = await makeWorld({ ca })
    const certificate = await forge({ issuer: ca, usage: 'server', ...(await options()) })
    await using foreign = await foreignServer(certificate, (_request, response) => void response.end())
    await expect(connect({ serverUrl: foreign.url, tls: world.tls, log: false })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/^we refused the server at localhost:\d+: /),
      hint: expect.stringMatching(/\w{3}/),
    })
    expect(foreign.requests).toEqual([])
  })
})

test('a refused client reads the reason, every time', async () => {
  const client = await forge({ issuer: await forgeCa(), usage: 'client' })
  await using world = await makeWorld({ client })
  await using served = await serveTest({ tls: world.tls })
  const codes = new Set<unknown>()
  for (let attempt = 0; attempt < 25; attempt++) {
    const error: unknown = await connect({ serverUrl: served.server.url, tls: world.tls, log: false }).catch(
      (e) => e,
    )
    codes.add((error as MtlsError).code)
  }
  expect([...codes]).toEqual(['CLIENT_CERT_REJECTED'])
})
