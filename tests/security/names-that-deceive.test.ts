import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { mtlsFetch } from '../../src/client/index.js'
import { bareServer } from '../support/bare-peers.js'
import { type ForgeOptions, forge } from '../support/forge.js'
import { listening } from '../support/gated.js'
import { scratch } from '../support/scratch.js'
import { ask } from '../support/wire.js'
import { makeWorld } from '../support/world.js'

describe('a server whose certificate the CA has signed, asked for as localhost', () => {
  test.each([
    'localhost\0.evil.example',
    'evil.example\0localhost',
    '\0localhost',
    'localhost\0',
    ' localhost',
    'localhost ',
    'localhost\n',
    'localhost..',
    'localhost/',
    'localhost:8443',
    'user@localhost',
    'https://localhost',
    'loca1host',
    'l\u043ecalhost',
    'xn--lcalhost-2bh',
    'local*',
    '*',
  ])('is not believed with the name %j', async (dns) => {
    await using world = await makeWorld()
    const shown = await forge({
      issuer: world.ca,
      usage: 'server',
      dns: [dns],
      ip: [],
      commonName: 'localhost',
    })
    await using server = await bareServer(shown)
    const fetch = mtlsFetch(world.tls)
    await expect(fetch(server.url)).rejects.toMatchObject({ code: /^SERVER_(NAME_MISMATCH|CERT_INVALID)$/ })
    await fetch.close()
    expect(server.requests()).toBe(0)
  })
})

describe('a client whose certificate the CA has signed', () => {
  test.each<[what: string, names: ForgeOptions, id: string]>([
    ['a null byte in its common name', { commonName: 'boss\0.evil.example' }, 'cn:boss\0.evil.example'],
    [
      'a null byte in its DNS name',
      { dns: ['boss.example\0.evil.example'] },
      'dns:boss.example\0.evil.example',
    ],
    ['a common name that reads like a DNS name', { commonName: 'dns:boss.example' }, 'cn:dns:boss.example'],
    ['a common name that reads like a SPIFFE ID', { commonName: 'spiffe://a/boss' }, 'cn:spiffe://a/boss'],
    ['a URI that reads like a DNS name', { uri: ['dns:boss.example'], commonName: 'b' }, 'cn:b'],
    ['a common name of another alphabet', { commonName: 'b\u043ess' }, 'cn:b\u043ess'],
    ['a common name with a line end', { commonName: 'a\r\nX-Identity: boss' }, 'cn:a\r\nX-Identity: boss'],
  ])('is nobody else with %s, and leaves its log lines whole', async (_what, names, id) => {
    await using world = await makeWorld()
    await using bad = await makeWorld({
      ca: world.ca,
      client: await forge({ issuer: world.ca, usage: 'client', ...names }),
    })
    const file = join(scratch(), 'log')
    const { url, server } = await listening(world, { log: { level: 'error', securityLog: file } })
    const answer = await ask(url, bad.certDir)
    expect({ status: answer.status, body: answer.body }).toEqual({ status: 200, body: id })
    await server.mtls.close({ drainTimeout: 0 })
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
    expect(lines.join()).toContain('connection-accepted')
    for (const line of lines) expect(() => JSON.parse(line)).not.toThrow()
    expect(lines.join('')).not.toMatch(/\p{Cc}/u)
  })
})
