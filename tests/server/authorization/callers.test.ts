import { chmodSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ServeOptions, serve } from '../../../src/server/index.js'
import { agentOf, idOf, libraryServer, namesIn, rpc, withAgents } from '../../support/agents.js'
import { callAsBareClient, tlsVersions } from '../../support/bare-peers.js'
import { type ForgeOptions, forge, forgeCa, writeSet } from '../../support/forge.js'
import { eras, guarded, kinds, libraryPolicy, said, speaker } from '../../support/guarded.js'
import { initialize, openStream } from '../../support/raw-session.js'
import { scratch } from '../../support/scratch.js'
import { ask, clientTls, httpText, mcpHeaders, openWire } from '../../support/wire.js'
import { makeWorld } from '../../support/world.js'

/** A library where the entry alone may do anything. */
async function library(entry: unknown, options: Partial<ServeOptions> = {}) {
  const world = await makeWorld()
  onTestFinished(() => world[Symbol.asyncDispose]())
  const ran: string[] = []
  const server = await serve(() => libraryServer(ran), {
    name: `library-${crypto.randomUUID()}`,
    tlsPort: 0,
    tls: world.tls,
    log: false,
    policy: { rules: [{ allow: [entry], tools: ['*'] }] },
    ...options,
  })
  onTestFinished(() => server.close({ drainTimeout: 0 }))
  const write = async (directory: string) => {
    const before = ran.length
    await rpc(server.url, directory, 'tools/call', { name: 'write', arguments: {} }, { era: 'legacy' }).catch(
      () => {},
    )
    return ran.length > before
  }
  return { world, server, ran, write }
}

const admin = idOf('admin')

/** Certificates that read like another: what a rule names, who it means, and who must not pass for it. */
const likenesses: readonly [entry: string, meant: ForgeOptions, others: readonly ForgeOptions[]][] = [
  [
    admin,
    { uri: [admin] },
    [
      { commonName: admin },
      { commonName: 'x', dns: [admin] },
      { commonName: 'x', email: [admin] },
      { commonName: 'x', organization: admin },
      { uri: [admin, idOf('reporting')] },
      { uri: [idOf('reporting'), admin] },
      { uri: [admin, 'https://demo.local/'] },
      { uri: ['https://demo.local/', admin] },
      { uri: [admin, admin] },
      { uri: ['SPIFFE://demo.local/agent/admin'] },
      { uri: ['spiffe://DEMO.local/agent/admin'] },
      { uri: ['spiffe://demo.local/agent/Admin'] },
      { uri: ['spiffe://demo.local/agent/admin/'] },
      { uri: ['spiffe://demo.local//agent/admin'] },
      { uri: ['spiffe://demo.local/agent/./admin'] },
      { uri: ['spiffe://demo.local/agent/x/../admin'] },
      { uri: ['spiffe://demo.local/agent/%61dmin'] },
      { uri: ['spiffe://demo.local/agent/admin?x'] },
      { uri: ['spiffe://demo.local/agent/admin#x'] },
      { uri: ['spiffe://demo.local:443/agent/admin'] },
      { uri: ['spiffe://x@demo.local/agent/admin'] },
      { uri: ['spiffe://demo.local/agent/admin\u0000'] },
      { uri: [' spiffe://demo.local/agent/admin'] },
    ],
  ],
  [
    'dns:boss.example.com',
    { dns: ['boss.example.com'] },
    [
      { commonName: 'boss.example.com' },
      { commonName: 'dns:boss.example.com' },
      { commonName: 'DNS:boss.example.com' },
      { uri: ['dns:boss.example.com'] },
      { dns: ['*.example.com'] },
      { dns: ['boss.example.com.evil.test'] },
      { dns: ['boss.example.com\u0000.evil.test'] },
      { email: ['boss@boss.example.com'] },
      { commonName: 'x', organization: 'dns:boss.example.com' },
    ],
  ],
  [
    'cn:boss',
    { commonName: 'boss' },
    [
      { commonName: 'Boss' },
      { commonName: 'boss ' },
      { commonName: 'boss\u0000' },
      { commonName: 'x,CN=boss' },
      { commonName: 'x+CN=boss' },
      { commonName: 'x\nCN=boss' },
      { commonName: 'CN=boss' },
      { commonName: 'cn:boss' },
      { commonName: 'bоss' }, // Cyrillic
      { commonName: 'x', organization: 'boss' },
      { dns: ['boss'], commonName: 'x' },
    ],
  ],
  [
    'email:boss@example.com',
    { email: ['boss@example.com'] },
    [
      { email: ['Boss@example.com'] },
      { email: ['boss@example.com@evil.test'] },
      { email: ['boss@sub.example.com'] },
      { commonName: 'boss@example.com' },
      { commonName: 'x', attributes: [['1.2.840.113549.1.9.1', 'boss@example.com']] },
    ],
  ],
  ['cn:anyone', { commonName: 'anyone' }, [{ commonName: 'x' }, { dns: ['anyone'], commonName: 'x' }]],
]

describe('a certificate that reads like another', () => {
  test.each(likenesses)('is not %s', async (entry, meant, others) => {
    const { world, write } = await library(entry)
    expect(await write(await agentOf(world, meant))).toBe(true)
    for (const other of others)
      expect(await write(await agentOf(world, other)), JSON.stringify(other)).toBe(false)
  })

  test('a rule for anyone is for every verified one, whatever it is called', async () => {
    const { world, write } = await library('anyone')
    expect(await write(await agentOf(world, { commonName: 'x' }))).toBe(true)
    const stranger = await agentOf({ ...world, ca: await forgeCa() }, { commonName: 'anyone' })
    expect(await write(stranger)).toBe(false)
  })
})

test('the CA of a partner gives no names of ours', async () => {
  const directory = scratch()
  const [own, partner] = [await forgeCa({ commonName: 'Own' }), await forgeCa({ commonName: 'Partner' })]
  const files = {
    'demo.local': join(directory, 'own.crt'),
    'partner.example': join(directory, 'partner.crt'),
  }
  writeFileSync(files['demo.local'], own.cert)
  writeFileSync(files['partner.example'], partner.cert)
  const world = await makeWorld({ ca: own })
  onTestFinished(() => world[Symbol.asyncDispose]())
  const options = {
    tls: { ...world.tls, trustDomains: files },
    policy: {
      rules: [
        { allow: [admin, { cn: 'boss', ca: 'demo.local' }, 'dns:bare.example.com'], tools: ['*'] },
        { allow: ['spiffe://partner.example/**'], tools: ['read'] },
      ],
    },
  }
  const { write } = await library('anyone', options)
  const by = async (issuer: typeof own, facts: ForgeOptions) => {
    const client = await forge({ issuer, usage: 'client', ...facts })
    const of = scratch()
    await writeSet(of, { ca: own, client })
    return of
  }
  expect(await write(await by(own, { uri: [admin] }))).toBe(true)
  expect(await write(await by(own, { commonName: 'boss' }))).toBe(true)
  expect(await write(await by(partner, { uri: [admin] }))).toBe(false)
  expect(await write(await by(partner, { uri: ['spiffe://partner.example/agent/admin'] }))).toBe(false)
  expect(await write(await by(partner, { commonName: 'boss' }))).toBe(false)
  expect(await write(await by(partner, { commonName: 'boss', uri: ['spiffe://partner.example/a'] }))).toBe(
    false,
  )
  for (const issuer of [own, partner])
    expect(await write(await by(issuer, { dns: ['bare.example.com'] }))).toBe(false)
  const below = await forgeCa({ issuer: partner, commonName: 'Own' })
  expect(await write(await by(below, { commonName: 'boss' }))).toBe(false)
})

describe.each(kinds.slice(1))('one name by the CAs of two trust domains, before %s', (kind) => {
  test('is two callers, and neither finds the session or the process of the other', async () => {
    const directory = scratch()
    const [own, partner] = [await forgeCa({ commonName: 'Own' }), await forgeCa({ commonName: 'Partner' })]
    const trustDomains = {
      'demo.local': join(directory, 'own.crt'),
      'partner.example': join(directory, 'partner.crt'),
    }
    writeFileSync(trustDomains['demo.local'], own.cert)
    writeFileSync(trustDomains['partner.example'], partner.cert)
    const world = await makeWorld({ ca: own })
    onTestFinished(() => world[Symbol.asyncDispose]())
    const policy = {
      rules: ['demo.local', 'partner.example'].map((ca) => ({
        allow: [{ cn: 'boss', ca }],
        tools: ['read'],
      })),
    }
    const library = await guarded(kind, { tls: { ...world.tls, trustDomains }, policy })
    const bossBy = async (issuer: typeof own) => {
      const of = scratch()
      await writeSet(of, { ca: own, client: await forge({ issuer, usage: 'client', commonName: 'boss' }) })
      return of
    }
    const agents = { reporting: await bossBy(partner), admin: await bossBy(own) }
    const { session, say } = await speaker({ ...library, agents }, 'admin', 'legacy')
    const headers = { 'mcp-session-id': String(session), 'mcp-protocol-version': '2025-11-25' }
    const read = said('legacy', 'tools/call', { name: 'read', arguments: {} })
    const stolen = await ask(library.url, agents.reporting, {
      headers: { ...mcpHeaders, ...headers },
      body: read.body,
    })
    expect(stolen.status).toBe(404)
    expect((await ask(library.url, agents.reporting, { method: 'DELETE', headers })).status).toBe(404)
    await say(read)
    expect(library.ran).toEqual(['read'])
    if (kind !== 'expose a program') return
    const before = library.came.length
    const modern = said('modern', 'tools/call', { name: 'read', arguments: {} })
    for (const agent of [agents.reporting, agents.admin])
      await ask(library.url, agent, { headers: { ...mcpHeaders, ...modern.headers }, body: modern.body })
    const methods = library.came.slice(before).map((text) => JSON.parse(text).method)
    expect(methods.filter((method) => method === 'server/discover')).toHaveLength(2) // each has asked a process of its own
  })
})

describe('a second identity', () => {
  test.each(kinds)('in the session of another finds none, before %s', async (kind) => {
    const guardedLibrary = await guarded(kind)
    const { url, agents, ran } = guardedLibrary
    const { session } = await speaker(guardedLibrary, 'admin', 'legacy')
    const before = ran.length
    for (const name of ['write', 'read']) {
      const { body, headers } = said('legacy', 'tools/call', { name, arguments: {} })
      const answer = await ask(url, agents.reporting, {
        headers: { ...mcpHeaders, ...headers, 'mcp-session-id': String(session) },
        body,
      })
      if (name === 'write') expect(answer.body).toContain('NOT_AUTHORIZED')
      else if (kind !== 'serve') expect(answer.status).toBe(404)
    }
    expect(ran.slice(before).filter((name) => name === 'write')).toEqual([])
    if (kind === 'serve') return
    const own = { 'mcp-session-id': String(session), 'mcp-protocol-version': '2025-11-25' }
    const stream = await openStream(url, agents.reporting, { ...own, 'last-event-id': 'c1' })
    expect(stream.status).toBe(404)
    const ended = await ask(url, agents.reporting, { method: 'DELETE', headers: own })
    expect(ended.status).toBe(404)
    const stillThere = await ask(url, agents.admin, {
      headers: { ...mcpHeaders, ...own },
      body: said('legacy', 'tools/call', { name: 'write', arguments: {} }).body,
    })
    expect(stillThere.status).toBe(200)
    expect(ran.at(-1)).toBe('write')
  })

  test.each(tlsVersions)('on a resumed connection is the first, with %s', async (version) => {
    const { world, agents } = await withAgents('reporting', 'admin')
    const ran: string[] = []
    const server = await serve(() => libraryServer(ran), {
      name: `library-${crypto.randomUUID()}`,
      tlsPort: 0,
      tls: { ...world.tls, minVersion: 'TLSv1.2' },
      log: false,
      policy: libraryPolicy,
    })
    onTestFinished(() => server.close({ drainTimeout: 0 }))
    const shownBy = (directory: string) => {
      const { cert, key } = clientTls(directory)
      return { cert: String(cert), key: String(key) }
    }
    const call = async (directory: string, session?: Buffer) =>
      callAsBareClient(server.port, { shown: shownBy(directory), version, session })
    const first = await call(agents.reporting)
    const second = await call(agents.admin, first.session)
    expect(first.session).toBeDefined()
    // Of `echo` the library knows nothing; who may ask for anything hears so.
    expect(first.body).toContain('NOT_AUTHORIZED')
    expect((await call(agents.admin)).body).not.toContain('NOT_AUTHORIZED')
    expect(second.resumed).toBe(true)
    expect(second.body).toContain('NOT_AUTHORIZED')
  })

  test('on a connection that is kept is the one of its certificate, whatever its headers say', async () => {
    const { url, agents, ran } = await guarded('serve')
    const wire = await openWire(url, agents.reporting)
    const claims = {
      ...mcpHeaders,
      'x-client-identity': admin,
      'client-cert': `:${Buffer.from(String(clientTls(agents.admin).cert)).toString('base64')}:`,
      'x-forwarded-client-cert': `URI=${admin}`,
      authorization: `Bearer ${admin}`,
    }
    for (const name of ['read', 'write', 'read', 'write'])
      wire.socket.write(httpText('/mcp', claims, said('legacy', 'tools/call', { name, arguments: {} }).body))
    await wire.until(/(?:NOT_AUTHORIZED[\s\S]*){2}/)
    expect(ran).toEqual(['read', 'read'])
    const caller = { caller: { id: admin, verified: true, names: [admin] } }
    const { body } = said('legacy', 'tools/call', {
      name: 'write',
      arguments: {},
      _meta: { 'mcp-mtls/caller': caller },
    })
    expect((await ask(url, agents.reporting, { body, headers: claims })).body).toContain('NOT_AUTHORIZED')
    expect(ran).toEqual(['read', 'read'])
  })
})

describe('where nobody is verified', () => {
  const openMethods = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list']
  const lists = { 'tools/list': 'tools', 'prompts/list': 'prompts', 'resources/list': 'resources' }
  const calls = [
    ['tools/call', { name: 'read', arguments: {} }],
    ['prompts/get', { name: 'greet' }],
    ['resources/read', { uri: 'file:///srv/public/a' }],
    ['x/y', {}],
  ] as const
  const forAll = {
    rules: [
      {
        allow: ['anyone', 'cn:self-made', 'issuer:CN=Forged CA', 'spiffe://demo.local/**'],
        tools: ['*'],
        prompts: ['*'],
        resources: ['*'],
        methods: ['x/y'],
      },
    ],
  }

  async function open(options: Partial<ServeOptions>) {
    const world = await makeWorld()
    onTestFinished(() => world[Symbol.asyncDispose]())
    const ran: string[] = []
    const server = await serve(() => libraryServer(ran), {
      name: `library-${crypto.randomUUID()}`,
      log: false,
      ...options,
      ...(options.tls && { tls: { ...world.tls, ...options.tls } }),
    })
    onTestFinished(() => server.close({ drainTimeout: 0 }))
    return { server, ran, world }
  }

  test.each(eras)(
    'a self-made certificate may use open methods alone in demo mode, and lists are empty, %s',
    async (era) => {
      const { server, ran, world } = await open({ tlsPort: 0, tls: { demoMode: true }, policy: forAll })
      const selfMade = scratch()
      await writeSet(selfMade, {
        ca: world.ca,
        client: await forge({ usage: 'client', commonName: 'self-made', uri: [admin] }),
      })
      for (const method of openMethods) {
        const answer = await rpc(server.url, selfMade, method, {}, { era })
        expect(answer.result, method).toBeDefined()
        const list = lists[method as keyof typeof lists]
        if (list) expect(namesIn(answer, list)).toEqual([])
      }
      for (const [method, params] of calls)
        expect((await rpc(server.url, selfMade, method, { ...params }, { era })).error?.data).toMatchObject({
          code: 'NOT_AUTHORIZED',
        })
      expect(ran).toEqual([])
      const verified = await agentOf(world, { commonName: 'x' })
      await rpc(server.url, verified, 'tools/call', { name: 'read', arguments: {} }, { era })
      expect(ran).toEqual(['read'])
    },
  )

  test.each(kinds.slice(2))('the same before %s, which hears of nothing', async (kind) => {
    const world = await makeWorld()
    onTestFinished(() => world[Symbol.asyncDispose]())
    const library = await guarded(kind, { tls: { ...world.tls, demoMode: true }, policy: forAll })
    const selfMade = scratch()
    await writeSet(selfMade, {
      ca: world.ca,
      client: await forge({ usage: 'client', commonName: 'self-made' }),
    })
    for (const era of eras) {
      const { say } = await speaker(
        { ...library, agents: { reporting: selfMade, admin: selfMade } },
        'admin',
        era,
      )
      for (const method of openMethods)
        expect((await say(said(era, method))).body, method).toMatch(
          /"(?:tools|prompts|resources|resourceTemplates)":\[\]/,
        )
      for (const [method, params] of calls)
        expect((await say(said(era, method, { ...params }))).body, method).toContain('NOT_AUTHORIZED')
    }
    expect(library.ran).toEqual([])
  })

  test('without a policy a self-made certificate may call everything in demo mode, as before', async () => {
    const { server, ran, world } = await open({ tlsPort: 0, tls: { demoMode: true } })
    const selfMade = scratch()
    await writeSet(selfMade, {
      ca: world.ca,
      client: await forge({ usage: 'client' }),
    })
    await rpc(server.url, selfMade, 'tools/call', { name: 'write', arguments: {} }, { era: 'legacy' })
    expect(ran).toEqual(['write'])
  })

  test.each([false, true])(
    'without TLS a policy lets nobody call anything, sessions %s',
    async (sessions) => {
      const { server, ran } = await open({ tlsEnabled: false, httpPort: 0, policy: forAll, sessions })
      const post = (body: string, headers: Record<string, string>) =>
        ask(server.url, undefined, { body, headers: { ...mcpHeaders, ...headers } })
      const opened = sessions ? await post(JSON.stringify(initialize()), {}) : undefined
      const session = opened?.headers['mcp-session-id']
      for (const [method, params] of calls) {
        const { body, headers } = said('legacy', method, { ...params })
        const answer = await post(body, {
          ...headers,
          ...(typeof session === 'string' && { 'mcp-session-id': session }),
        })
        expect(answer.body, method).toContain('NOT_AUTHORIZED')
        const modern = said('modern', method, { ...params })
        expect((await post(modern.body, modern.headers)).body, method).toContain('NOT_AUTHORIZED')
      }
      expect(ran).toEqual([])
    },
  )
})

describe('the policy itself', () => {
  test('is the one that was given, whatever becomes of the object', async () => {
    const { world, agents } = await withAgents('reporting')
    const policy = structuredClone(libraryPolicy)
    const given = { rules: policy.rules.map((rule) => ({ ...rule, tools: [...rule.tools] })) }
    const ran: string[] = []
    const server = await serve(() => libraryServer(ran), {
      name: `library-${crypto.randomUUID()}`,
      tlsPort: 0,
      tls: world.tls,
      log: false,
      policy: given,
    })
    onTestFinished(() => server.close({ drainTimeout: 0 }))
    try {
      given.rules[0]?.tools.push('write')
      given.rules.push({ name: 'more', allow: ['anyone'], tools: ['*'], prompts: ['*'], resources: ['*'] })
    } catch {} // it may be frozen
    await server.reload()
    const { error } = await rpc(server.url, agents.reporting, 'tools/call', { name: 'write' })
    expect(error?.data).toMatchObject({ code: 'NOT_AUTHORIZED' })
    expect(ran).toEqual([])
  })

  test.each([0o666, 0o664, 0o646, 0o602])('is refused in a file of mode %o, by a link too', async (mode) => {
    const world = await makeWorld()
    onTestFinished(() => world[Symbol.asyncDispose]())
    const directory = scratch()
    const path = join(directory, 'policy.json')
    const link = join(directory, 'link.json')
    writeFileSync(path, JSON.stringify(libraryPolicy))
    symlinkSync(path, link)
    for (const policy of [path, link]) {
      chmodSync(path, mode)
      const start = () =>
        serve(() => libraryServer(), {
          name: `library-${crypto.randomUUID()}`,
          tlsPort: 0,
          tls: world.tls,
          log: false,
          policy,
        })
      await expect(start()).rejects.toMatchObject({ code: 'POLICY_INVALID' })
      chmodSync(path, 0o644)
      const server = await start()
      await server.close({ drainTimeout: 0 })
    }
  })
})
