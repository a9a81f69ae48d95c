import { ClientCredentialsProvider } from '@modelcontextprotocol/client'
import { expect, test } from 'vitest'
import { type ConnectOptions, connect, mtlsFetch } from '../../src/client/index.js'
import { foreignServer } from '../support/foreign-server.js'
import { freePort } from '../support/free-port.js'
import { refusalOf } from '../support/refusal.js'
import { sessionServer } from '../support/session-server.js'
import { makeWorld, type World } from '../support/world.js'

/** An authorization server for client credentials; its tokens are good until the next one is given. */
async function authorizationServer({ server: certificate }: World) {
  const seen: string[] = []
  let count = 0
  const foreign = await foreignServer(certificate, (request, response, body) => {
    const { origin } = new URL(foreign.url)
    const { url = '', headers, method } = request
    seen.push(`${method} ${url}`)
    const json = (value: object) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(value))
    }
    if (url.startsWith('/.well-known/'))
      return json({
        issuer: origin,
        authorization_endpoint: `${origin}/authorize`,
        token_endpoint: `${origin}/token`,
        response_types_supported: ['code'],
        grant_types_supported: ['client_credentials'],
        token_endpoint_auth_methods_supported: ['client_secret_basic'],
        code_challenge_methods_supported: ['S256'],
      })
    if (url !== '/token' || !body.includes('grant_type=client_credentials') || !headers.authorization)
      return void response.writeHead(404).end()
    json({ access_token: `token-${++count}`, token_type: 'Bearer', expires_in: 3600 })
  })
  return {
    origin: new URL(foreign.url).origin,
    seen,
    given: () => count,
    [Symbol.asyncDispose]: () => foreign[Symbol.asyncDispose](),
  }
}

interface Guarded {
  readonly tokens: (string | undefined)[]
  refuse(token: string): void
}

async function guardedServer(world: World, authorization: string) {
  const port = await freePort()
  const origin = `https://localhost:${port}`
  const refused = new Set<string | undefined>([undefined])
  const tokens: (string | undefined)[] = []
  const server = await sessionServer(world, port, {
    lie: (request, response) => {
      if (request.url?.startsWith('/.well-known/oauth-protected-resource')) {
        response.writeHead(200, { 'content-type': 'application/json' })
        response.end(JSON.stringify({ resource: `${origin}/mcp`, authorization_servers: [authorization] }))
        return true
      }
      const { authorization: token } = request.headers
      tokens.push(token)
      if (!refused.has(token)) return false
      response.writeHead(401, {
        'www-authenticate': `Bearer resource_metadata="${origin}/.well-known/oauth-protected-resource/mcp"`,
      })
      response.end()
      return true
    },
  })
  const guarded: Guarded = { tokens, refuse: (token) => void refused.add(token) }
  return { ...server, ...guarded, url: `${origin}/mcp` }
}

const credentials = (expectedIssuer: string) =>
  new ClientCredentialsProvider({ clientId: 'agent', clientSecret: 'very-secret', expectedIssuer })
const call = (text: string) => ({ name: 'count', arguments: { text } })

test('a token is got from an authorization server of our CA, sent with each request, and renewed at a 401', async () => {
  await using world = await makeWorld()
  await using authorization = await authorizationServer(world)
  await using server = await guardedServer(world, authorization.origin)
  await using client = await connect({
    serverUrl: server.url,
    tls: world.tls,
    log: false,
    authProvider: credentials(authorization.origin),
  })
  await client.callTool(call('one'))
  expect(authorization.given()).toBe(1)
  server.refuse('Bearer token-1')
  server.tokens.length = 0
  expect(await client.callTool(call('two'))).toMatchObject({ content: [{ text: 'two' }] })
  expect(authorization.given()).toBe(2)
  expect(server.calls).toEqual(['one', 'two'])
  // In a new session, too.
  server.forget()
  await client.callTool(call('three'))
  expect(server.calls).toEqual(['one', 'two', 'three'])
  expect(server.tokens.every((token) => token?.startsWith('Bearer token-'))).toBe(true)
})

test('calls at once with a token that is refused each run once', async () => {
  await using world = await makeWorld()
  await using authorization = await authorizationServer(world)
  await using server = await guardedServer(world, authorization.origin)
  await using client = await connect({
    serverUrl: server.url,
    tls: world.tls,
    log: false,
    authProvider: credentials(authorization.origin),
  })
  server.refuse('Bearer token-1')
  await Promise.all(['a', 'b', 'c'].map((text) => client.callTool(call(text))))
  expect(server.calls.toSorted()).toEqual(['a', 'b', 'c'])
})

test('a token that is refused again is an error; it is in no message', async () => {
  await using world = await makeWorld()
  await using server = await guardedServer(world, 'https://localhost:1')
  let renewals = 0
  const error = await connect({
    serverUrl: server.url,
    tls: world.tls,
    log: false,
    authProvider: {
      token: async () => undefined,
      onUnauthorized: async () => {
        renewals++
      },
    },
  } as ConnectOptions).catch((failure) => failure)
  expect(error).toBeInstanceOf(Error)
  expect(renewals).toBe(1)

  server.refuse('Bearer my-token')
  const refused = await connect({
    serverUrl: server.url,
    tls: world.tls,
    log: false,
    authProvider: { token: async () => 'my-token' },
  }).catch((failure) => failure)
  expect(refused).toMatchObject({ name: 'UnauthorizedError' })
  expect(String(refused) + JSON.stringify(refused)).not.toContain('my-token')
})

test('an authorization server of another CA gets nothing, unless `authFetch` says how', async () => {
  await using world = await makeWorld()
  await using other = await makeWorld()
  await using authorization = await authorizationServer(other)
  await using server = await guardedServer(world, authorization.origin)
  const options = { serverUrl: server.url, tls: world.tls, log: false } as const
  const refused = await connect({ ...options, authProvider: credentials(authorization.origin) }).catch(
    (error) => error,
  )
  expect(refused).toBeInstanceOf(Error)
  expect(authorization.seen).toEqual([])

  const authFetch = mtlsFetch(other.tls)
  await using client = await connect({
    ...options,
    authProvider: credentials(authorization.origin),
    authFetch,
  })
  await client.callTool(call('one'))
  expect(server.calls).toEqual(['one'])
  await authFetch.close()
})

test('a redirect to another origin gets neither token nor headers', async () => {
  await using world = await makeWorld()
  const heard: object[] = []
  await using thief = await foreignServer(world.server, (request, response) => {
    heard.push(request.headers)
    response.writeHead(401).end()
  })
  await using server = await foreignServer(world.server, (_request, response) => {
    response.writeHead(307, { location: thief.url }).end()
  })
  const { code } = await refusalOf(
    connect({
      serverUrl: server.url,
      tls: world.tls,
      log: false,
      authProvider: { token: async () => 'my-token' },
      headers: { 'X-Secret': 'value' },
    }),
  )
  expect(code).toBe('CONNECTION_FAILED')
  expect(heard).toEqual([])
})
