import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ownerOf } from '../../../src/auth/identity.js'
import { agentOf, idOf, libraryServer, linesOf, rpc } from '../../support/agents.js'
import { forgeCa } from '../../support/forge.js'
import { openRawSession } from '../../support/raw-session.js'
import { scratch } from '../../support/scratch.js'
import { answerJson, exposed, plainServer } from '../../support/upstream.js'
import { ask, mcpHeaders, toolCall } from '../../support/wire.js'
import { makeWorld, serveTest } from '../../support/world.js'

/** Two alices: ours, and that of a partner. */
async function twoAlices() {
  const us = await makeWorld()
  const partnerCa = await forgeCa({ commonName: 'Partner CA' })
  const alice = await agentOf(us, { commonName: 'alice' })
  const theirs = await agentOf({ ...us, ca: partnerCa }, { commonName: 'alice' })
  const [a, b] = ['a.crt', 'b.crt'].map((name) => join(us.certDir, name)) as [string, string]
  writeFileSync(a, us.ca.cert)
  writeFileSync(b, partnerCa.cert)
  const tls = { certDir: us.certDir, trustDomains: { 'example.org': a, 'partner.example': b } }
  return { tls, alice, theirs, trust: { ca: us.ca.cert } }
}

test('a session of a name that two CAs give belongs to the one whose it is', async () => {
  const { tls, alice, theirs, trust } = await twoAlices()
  await using served = await serveTest({ tls, sessions: true })
  const session = await openRawSession(served.server.url, alice)
  const ask1 = (certDir: string) =>
    ask(served.server.url, certDir, {
      headers: { ...mcpHeaders, 'mcp-session-id': session.id, 'mcp-protocol-version': '2025-11-25' },
      body: toolCall('who'),
      tls: trust,
    })
  expect((await ask1(theirs)).status).toBe(404)
  expect((await ask1(alice)).status).toBe(200)
})

test('a server behind and a record are told of the domain beside such a name', async () => {
  const { tls, alice, theirs, trust } = await twoAlices()
  const behind = await plainServer(answerJson)
  const auditLog = join(scratch(), 'calls.jsonl')
  const { url, server } = await exposed(behind.url, { tls }, { auditLog })
  for (const certDir of [alice, theirs]) await ask(url, certDir, { body: toolCall('echo'), tls: trust })
  expect(behind.requests.map(({ headers }) => headers['x-client-identity'])).toEqual([
    'cn:alice%20(example.org)',
    'cn:alice%20(partner.example)',
  ])
  await server.close()
  const calls = linesOf(auditLog).filter(({ event }) => event === 'call')
  expect(calls.map(({ identity }) => identity)).toEqual([
    'cn:alice (example.org)',
    'cn:alice (partner.example)',
  ])
})

test('a SPIFFE ID, and any name where no domain is bound, needs nothing beside it', () => {
  const trustDomain = undefined
  expect(ownerOf({ verified: true, id: 'cn:alice', trustDomain, domainsBound: false })).toBe('cn:alice')
  expect(ownerOf({ verified: true, id: idOf('a'), trustDomain: 'demo.local', domainsBound: true })).toBe(
    idOf('a'),
  )
  expect(ownerOf({ verified: true, id: 'cn:alice', trustDomain, domainsBound: true })).toBe('cn:alice ()')
})

test('metrics do not tell a client of tools that a policy hides', async () => {
  const us = await makeWorld()
  const [reader, other] = await Promise.all(
    ['reader', 'other'].map((commonName) => agentOf(us, { commonName })),
  )
  const policy = { rules: [{ allow: ['cn:reader'], tools: ['*'] }] }
  await using served = await serveTest({ tls: us.tls, policy, healthPort: 0 }, () => libraryServer())
  await rpc(served.server.url, String(reader), 'tools/call', { name: 'write' })
  const { body } = await ask(new URL('/metrics', served.server.url), other)
  expect(body).toContain('mcp_mtls_decisions_total')
  expect(body).not.toContain('write')
})
