import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type ConnectOptions, connect, type SecurityEvent } from '../../src/client/index.js'
import { forge, forgeCa, forgeCrl, writeSet } from '../support/forge.js'
import { makeWorld, serveTest, type World } from '../support/world.js'

const call = { name: 'who', arguments: {} }

/** A server with a directory of its own, and a client with another, of the same CA. */
async function pair({ watch }: Pick<ConnectOptions, 'watch'> = {}) {
  const world = await makeWorld()
  const mine = await makeWorld({ ca: world.ca })
  const served = await serveTest({ tls: world.tls })
  const events: SecurityEvent[] = []
  const client = await connect({
    serverUrl: served.server.url,
    tls: mine.tls,
    log: false,
    retryAttempts: 0,
    watch,
    onSecurityEvent: (event) => void events.push(event),
  })
  const named = (name: SecurityEvent['event']) => events.filter(({ event }) => event === name)
  return {
    world,
    mine,
    served,
    client,
    named,
    [Symbol.asyncDispose]: async () => {
      await client.close()
      await served[Symbol.asyncDispose]()
      await Promise.all([world, mine].map((one: World) => one[Symbol.asyncDispose]()))
    },
  }
}

describe('a client whose certificate files change', () => {
  test('shows the new certificate by itself, without a failed call', async () => {
    await using it = await pair()
    const client = await forge({ issuer: it.world.ca, usage: 'client', commonName: 'renewed' })
    await writeSet(it.mine.certDir, { client })
    await expect.poll(() => it.named('reload-succeeded')).toHaveLength(1)
    const { content } = await it.client.callTool(call)
    expect(content).toMatchObject([{ text: expect.stringContaining('cn:renewed') }])
    await expect.poll(() => it.client.pool()?.total).toBe(1)
  })

  test('goes on with the old one when the new one is broken, and says so once', async () => {
    await using it = await pair()
    await rm(join(it.mine.certDir, 'client.key'))
    await expect.poll(() => it.named('reload-failed')).toHaveLength(1)
    await expect(it.client.reload()).rejects.toMatchObject({ code: 'RELOAD_FAILED' })
    await expect(it.client.reload()).rejects.toThrow(/client\.key/)
    expect(it.named('reload-failed')).toHaveLength(1)
    await it.client.callTool(call)
  })

  test('drops a server that was revoked, and refuses it from then on', async () => {
    await using it = await pair()
    await writeSet(it.mine.certDir, {
      crl: await forgeCrl({ issuer: it.world.ca, revoked: [it.world.server.serial] }),
    })
    await expect.poll(() => it.named('connection-ended')[0]).toMatchObject({ reason: 'CERT_REVOKED' })
    await expect(it.client.callTool(call)).rejects.toMatchObject({ code: 'CERT_REVOKED' })
  })

  test('drops a revoked server while its own key cannot be read', async () => {
    await using it = await pair()
    await rm(join(it.mine.certDir, 'client.key'))
    await writeSet(it.mine.certDir, {
      crl: await forgeCrl({ issuer: it.world.ca, revoked: [it.world.server.serial] }),
    })
    await expect.poll(() => it.named('connection-ended')[0]).toMatchObject({ reason: 'CERT_REVOKED' })
    await expect(it.client.callTool(call)).rejects.toMatchObject({ code: 'CERT_REVOKED' })
    expect(it.named('reload-succeeded')).toEqual([])
  })

  test('drops a server whose CA is no longer trusted', async () => {
    await using it = await pair()
    const ca = await forgeCa({ commonName: 'New CA' })
    await writeSet(it.mine.certDir, { ca, client: await forge({ issuer: ca, usage: 'client' }) })
    await expect.poll(() => it.named('connection-ended')[0]).toMatchObject({ reason: 'SERVER_CERT_INVALID' })
    await expect(it.client.callTool(call)).rejects.toMatchObject({ code: 'SERVER_CERT_INVALID' })
  })

  test('looks at its files no more once it is closed', async () => {
    await using it = await pair()
    const seen: string[] = []
    await using _other = await connect({
      serverUrl: it.served.server.url,
      tls: it.mine.tls,
      log: false,
      onSecurityEvent: ({ event }) => void seen.push(event),
    })
    await it.client.close()
    await writeSet(it.mine.certDir, { client: await forge({ issuer: it.world.ca, usage: 'client' }) })
    await expect.poll(() => seen).toContain('reload-succeeded')
    expect([...it.named('reload-succeeded'), ...it.named('reload-failed')]).toEqual([])
  })

  test('a call in flight survives the replacement', async () => {
    await using it = await pair({ watch: false })
    const calls = Array.from({ length: 20 }, () => it.client.callTool(call))
    await writeSet(it.mine.certDir, { client: await forge({ issuer: it.world.ca, usage: 'client' }) })
    expect(await it.client.reload()).toBe(true)
    for (const result of await Promise.all(calls)) expect(result.isError).toBeFalsy()
  })
})
