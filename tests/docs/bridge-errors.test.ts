import { readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bridged } from '../support/bridged.js'
import { runCli } from '../support/cli.js'
import { foreignServer, silentServer } from '../support/foreign-server.js'
import { type ForgedSet, forge, forgeCa, forgeCrl, writeSet } from '../support/forge.js'
import { freePort } from '../support/free-port.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, serveTest, type World } from '../support/world.js'

// What docs/bridges.md says that clients show: each is made to happen.

const page = readFileSync(new URL('../../docs/bridges.md', import.meta.url), 'utf8')
const section = (title: string) => page.split(`### ${title}\n`)[1]?.split(/^##/m)[0] ?? ''
const rows = [...section('In a client').matchAll(/^\| `(.+?)` \|/gm)].map(([, shown = '']) => shown)
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')
const patternOf = (shown: string) => new RegExp(`^${shown.split('…').map(escaped).join('[^]+')}`)

const past = new Date(Date.now() - 60_000)

/** What a list is answered through a bridge with these certificates. */
async function told(url: string, certDir: string, timeoutMs = 30_000): Promise<string> {
  const bridge = bridged(url, certDir, 250, { timeoutMs })
  await bridge.open()
  const { error } = await bridge.ask('tools/list')
  return String(error?.message)
}

/** By a server that is none of ours. */
async function answered(world: World, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  await using server = await foreignServer(world.server, answer)
  return await told(server.url, world.certDir)
}

const status = (world: World, code: number, body?: string) =>
  answered(world, (_, response) => void response.writeHead(code).end(body))

/** By one of ours, one side of which has other certificates. */
async function refused(world: World, changed: { theirs?: Partial<ForgedSet>; mine?: Partial<ForgedSet> }) {
  const [theirs, mine] = [scratch(), scratch()]
  await writeSet(theirs, { ca: world.ca, server: world.server, ...changed.theirs })
  await writeSet(mine, { ca: world.ca, client: world.client, ...changed.mine })
  await using served = await serveTest({ tls: { certDir: theirs } })
  return await told(served.server.url, mine)
}

/** By a server whose certificate is wrong. */
async function refuses(world: World, server: Parameters<typeof forge>[0]) {
  await using foreign = await foreignServer(
    await forge({ issuer: world.ca, usage: 'server', ...server }),
    () => {},
  )
  return await told(foreign.url, world.certDir)
}

async function underPolicy(world: World, rules: readonly object[], calls = 1): Promise<string> {
  await using served = await serveTest({ tls: world.tls, policy: { rules } as never })
  const bridge = bridged(served.server.url, world.certDir)
  await bridge.open()
  for (let call = 1; call < calls; call++) await bridge.call('who')
  return String((await bridge.call('who')).error?.message)
}

async function withEncryptedKey(world: World): Promise<string> {
  const certDir = scratch()
  await writeSet(certDir, { ca: world.ca, client: world.client })
  const how = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const
  writeFileSync(join(certDir, 'client.key'), world.client.privateKey.export(how))
  return await told(`https://localhost:${await freePort()}/mcp`, certDir)
}

const notStarted = async () =>
  (await runCli(['bridge', 'https://localhost:1/mcp', '--cert-dir', scratch()], { cwd: scratch() })).stderr

test('each error that the page names is shown when it happens, and each that happens is on the page', async () => {
  await using world = await makeWorld()
  const stranger = await forgeCa({ commonName: 'another CA' })
  const silent = async () => {
    await using server = await silentServer()
    return await told(server.url, world.certDir, 300)
  }
  const plain = async () => {
    await using server = await foreignServer(undefined, (_, response) => void response.end('hello'))
    return await told(server.url.replace('http:', 'https:'), world.certDir)
  }
  const html = (_: IncomingMessage, response: ServerResponse) =>
    void response.writeHead(200, { 'content-type': 'text/html' }).end('<html>')
  const crl = await forgeCrl({ issuer: world.ca, revoked: [world.client.serial] })
  const client = (options: object) => forge({ issuer: world.ca, usage: 'client', ...options })
  const mine = { allow: ['cn:mcp-client'], tools: ['who'] }
  const shown = await Promise.all([
    told(`https://localhost:${await freePort()}/mcp`, world.certDir),
    // Where no name can be looked up, another code of the system stands there.
    told('https://nowhere.invalid/mcp', world.certDir).then((words) =>
      words.replace('EAI_AGAIN', 'ENOTFOUND'),
    ),
    silent(),
    plain(),
    answered(world, ({ socket }) => void socket.destroy()),
    refused(world, { mine: { ca: stranger } }),
    refuses(world, { dns: ['other.example.org'] }),
    refuses(world, { notAfter: past }),
    refused(world, { mine: { client: await client({ notAfter: past }) } }),
    withEncryptedKey(world),
    refused(world, { theirs: { crl } }),
    refused(world, { mine: { client: await client({ issuer: stranger }) } }),
    status(world, 401),
    status(world, 403, 'no'),
    status(world, 404, 'Not Found'),
    status(world, 502, '<h1>Bad Gateway</h1>'),
    answered(world, html),
    underPolicy(world, []),
    underPolicy(world, [{ ...mine, limit: { calls: 1, per: '1h' } }], 2),
    notStarted(),
  ])
  const matched = shown.map(
    (words) => rows.find((row) => patternOf(row).test(words)) ?? `not on the page: ${words}`,
  )
  expect(matched).toEqual(rows)
})
