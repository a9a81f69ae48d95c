import { describe, expect, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { callAsBareClient, tlsVersions } from '../support/bare-peers.js'
import { forge, forgeCrl, writeSet } from '../support/forge.js'
import { makeWorld, serveTest } from '../support/world.js'

describe.each(tlsVersions)('a client that is revoked under load, on %s', (version) => {
  test('loses its connections within two seconds, its tickets too, and nobody else notices', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: world.tls })
    await using others = await makeWorld({
      ca: world.ca,
      client: await forge({ issuer: world.ca, usage: 'client', commonName: 'other' }),
    })
    const { url: serverUrl, port } = served.server
    // They do not look at their files: the revoked one would close its connection itself, and perhaps first.
    const open = (tls: { certDir: string }) =>
      connect({ serverUrl, tls, log: false, retryAttempts: 0, watch: false })
    await using revoked = await open({ certDir: world.certDir })
    await using kept = await open({ certDir: others.certDir })
    const before = await callAsBareClient(port, { shown: world.client, version })
    expect(
      (await callAsBareClient(port, { shown: world.client, version, session: before.session })).resumed,
    ).toBe(true)

    let running = true
    const failures: unknown[] = []
    const call = { name: 'echo', arguments: { text: 'x' } }
    const busy = Array.from({ length: 8 }, async () => {
      while (running) await kept.callTool(call).catch((error) => failures.push(error))
    })
    // The revoked one calls on until it is refused.
    const refusal = (async () => {
      for (;;) await revoked.callTool(call)
    })()
    await writeSet(world.certDir, {
      crl: await forgeCrl({ issuer: world.ca, revoked: [world.client.serial] }),
    })
    expect(await served.event('connection-ended')).toMatchObject({ reason: 'CERT_REVOKED' })
    await expect(refusal).rejects.toMatchObject({ name: 'MtlsError' })
    await expect(revoked.callTool(call)).rejects.toMatchObject({ code: 'CERT_REVOKED' })

    const after = await callAsBareClient(port, { shown: world.client, version, session: before.session })
    expect(after).toMatchObject({ status: 403, resumed: false })
    expect(JSON.parse(after.body).reason).toBe('CERT_REVOKED')
    running = false
    await Promise.all(busy)
    expect(failures).toEqual([])
    const identities = served.server.connections().map(({ peer }) => peer?.id)
    expect(new Set(identities)).toEqual(new Set(['cn:other']))
  })
})
