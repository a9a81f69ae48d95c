import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Caller } from '../../src/server/identity-of.js'
import { builtInServers } from '../../src/servers/index.js'
import { call, clientOf } from './connected-client.js'

const factory = builtInServers.echo.create({
  weatherProvider: 'simulated',
  now: () => new Date('2026-11-20T17:00:00Z'),
})
const client = await clientOf(factory)

describe('echo', () => {
  it('gives the text back, and when', async () => {
    const { data, sentence } = await call(client, 'echo', { text: 'hello' })
    expect(data).toEqual({
      original_text: 'hello',
      echo_text: 'hello',
      timestamp: '2026-11-20T17:00:00.000Z',
    })
    expect(sentence).toBe('Echo: hello')
  })

  it('gives any text back unchanged', async () => {
    const texts = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 })
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const { data } = await call(client, 'echo', { text })
        expect(data.echo_text).toBe(text)
      }),
      { numRuns: 30 },
    )
  })

  it('writes controls in the sentence as text, and leaves the data alone', async () => {
    const text = 'a\u001b[31mb\u202e\n'
    const { data, sentence } = await call(client, 'echo', { text })
    expect(data.echo_text).toBe(text)
    expect(sentence).toBe('Echo: a\\u001b[31mb\\u202e\\u000a')
  })

  it('takes 1000 characters, counted as people count them, and no more', async () => {
    expect((await call(client, 'echo', { text: '😀'.repeat(1000) })).failed).toBe(false)
    expect((await call(client, 'echo', { text: 'x'.repeat(1001) })).failed).toBe(true)
    expect((await call(client, 'echo', { text: '' })).failed).toBe(true)
    expect((await call(client, 'echo', {})).failed).toBe(true)
  })
})

describe('whoami', () => {
  const caller: Caller = {
    id: 'spiffe://lab/agent',
    verified: true,
    names: ['spiffe://lab/agent', 'dns:agent'],
    subject: 'CN=agent',
    issuer: 'CN=lab',
    serial: '0A',
    fingerprint256: 'ab',
    notAfter: new Date('2027-01-01T00:00:00Z'),
    trustDomain: 'lab',
    domainsBound: true,
    tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', keyExchange: undefined, resumed: false },
  }

  it.each(['legacy', 'auto'] as const)('answers with the caller of this connection (%s era)', async (era) => {
    const { data, sentence } = await call(await clientOf(factory, { caller, era }), 'whoami', {})
    expect(data).toEqual({
      id: 'spiffe://lab/agent',
      trust_domain: 'lab',
      verified: true,
      names: ['spiffe://lab/agent', 'dns:agent'],
      issuer: 'CN=lab',
      serial: '0A',
      fingerprint256: 'ab',
      not_after: '2027-01-01T00:00:00.000Z',
      tls: { version: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', key_exchange: null, resumed: false },
    })
    expect(sentence).toContain('spiffe://lab/agent')
  })

  it('says when nobody vouched for the caller', async () => {
    const id = 'unverified:sha256:ab'
    const unverified = await clientOf(factory, { caller: { ...caller, id, verified: false } })
    const { data, sentence } = await call(unverified, 'whoami', {})
    expect(data).toMatchObject({ id, verified: false })
    expect(sentence).toContain('nobody vouched')
  })

  it('answers nulls without mutual TLS', async () => {
    const { data } = await call(client, 'whoami', {})
    expect(data).toMatchObject({ id: null, verified: false, names: [], tls: null, not_after: null })
  })
})
