import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { readTrust } from '../../src/pki/check/trust.js'
import { diagnose } from '../../src/probe/diagnose/diagnose.js'
import { Steps, stepCodes } from '../../src/probe/diagnose/steps.js'
import { silentServer } from '../support/foreign-server.js'
import { type Forged, type ForgeOptions, forge, forgeCa, forgeCrl, writeSet } from '../support/forge.js'
import { freePort } from '../support/free-port.js'
import { httpsServer } from '../support/https-server.js'
import { type OtherCall, type OtherClient, printedBy } from '../support/other-clients.js'
import { stolen } from '../support/tampering.js'
import { describeWith, onPath } from '../support/tools.js'
import { makeWorld, type Served, serveTest, type World } from '../support/world.js'

// Each case is provoked, and its section must have what the tools of this machine print. Other versions print other words:
// a line is added then, none is taken away.

const page = readFileSync(new URL('../../docs/tls-troubleshooting.md', import.meta.url), 'utf8')
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf('\n')), text]),
)

let world: World
let served: Served
let elsewhere: Forged
beforeAll(async () => {
  world = await makeWorld()
  served = await serveTest({ tls: world.tls })
  elsewhere = await forgeCa({ commonName: 'Elsewhere' })
})
afterAll(async () => {
  await served[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

const day = 86_400_000
const past = new Date(Date.now() - day / 24)
const later = new Date(Date.now() + day / 2)
const all: readonly OtherClient[] = ['curl', 'openssl', 'node', 'python']

interface Provoked {
  readonly call: OtherCall
  readonly clients?: readonly OtherClient[]
  /** The directory that our client uses; none: our client is not asked. */
  readonly certDir?: string
  readonly timeoutMs?: number
}

let made = 0

/** A directory with our CA and a client certificate as asked for, and what other clients are given of it. */
async function client(options: ForgeOptions, pair?: { cert: string; key: string }): Promise<Provoked> {
  const certDir = join(world.certDir, `client-${made++}`)
  const forged = { ...(await forge({ issuer: world.ca, ...options })), ...pair }
  await writeSet(certDir, { ca: world.ca, client: forged })
  const at = (name: string) => join(certDir, name)
  const call = { url: urlOf(served), ca: at('ca.crt'), cert: at('client.crt'), key: at('client.key') }
  // The reason in our 403 is the same for everybody: one reads it here, all of them do where none is shown.
  return { call, certDir, clients: ['curl'] }
}

function urlOf({ server: { port } }: Served): string {
  return `https://localhost:${port}/health`
}

/** A call of another URL with certificates that are right. */
function good(url: string, more: Partial<Provoked> = {}, args: readonly string[] = []): Provoked {
  const at = (name: string) => join(world.certDir, name)
  const call = { url, ca: at('ca.crt'), cert: at('client.crt'), key: at('client.key'), args }
  return { call, certDir: world.certDir, ...more }
}

async function serverOf(options: Parameters<typeof httpsServer>[0]): Promise<string> {
  const server = await httpsServer(options)
  onTestFinished(() => server[Symbol.asyncDispose]())
  return server.url
}

async function plainServer(): Promise<string> {
  const server = createHttpServer((_request, response) => response.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `https://localhost:${(server.address() as AddressInfo).port}/`
}

const strictNode = () => ({ ...world.server, ca: world.ca.cert, requestCert: true, rejectUnauthorized: true })

const cases: readonly [section: string, title: string, provoke: () => Promise<Provoked>][] = [
  [
    'CLIENT_CERT_REQUIRED',
    'without a certificate',
    async () => ({ call: { url: urlOf(served), ca: join(world.certDir, 'ca.crt') } }),
  ],
  [
    'CLIENT_CERT_REQUIRED',
    'without a certificate at a Node server',
    async () => ({ call: { url: await serverOf(strictNode()), ca: join(world.certDir, 'ca.crt') } }),
  ],
  ['CLIENT_CERT_REJECTED', 'of another CA', () => client({ issuer: elsewhere })],
  ['CLIENT_CERT_REJECTED', 'self-signed', async () => client({}, await forge())],
  [
    'The server closes the connection without a word',
    'of another CA at a Node server',
    async () => {
      const { call, ...rest } = await client({ issuer: elsewhere })
      return { ...rest, call: { ...call, url: await serverOf(strictNode()) }, clients: all }
    },
  ],
  ['CERT_EXPIRED of the client', 'expired', () => client({ notAfter: past })],
  [
    'CERT_EXPIRED of the server',
    'a server that expired',
    async () => good(await serverOf(await forge({ issuer: world.ca, usage: 'server', notAfter: past }))),
  ],
  ['CERT_NOT_YET_VALID', 'not yet valid', () => client({ notBefore: later })],
  [
    'CERT_REVOKED',
    'revoked',
    async () => {
      const provoked = good('', { clients: ['curl'] })
      const certDir = join(world.certDir, 'revoking')
      const crl = await forgeCrl({ issuer: world.ca, revoked: [world.client.serial] })
      await writeSet(certDir, { ca: world.ca, server: world.server, crl })
      const revoking = await serveTest({ tls: { certDir } })
      onTestFinished(() => revoking[Symbol.asyncDispose]())
      return { ...provoked, call: { ...provoked.call, url: urlOf(revoking) } }
    },
  ],
  ['CERT_INVALID', 'without extended key usage', () => client({ usage: 'none' })],
  [
    'KEY_MISMATCH',
    'with the key of another',
    async () => ({
      ...(await client({}, { cert: world.client.cert, key: world.server.key })),
      clients: all,
    }),
  ],
  [
    'KEY_ENCRYPTED',
    'with an encrypted key',
    async () => {
      const key = createPrivateKey(world.client.key).export({
        type: 'pkcs8',
        format: 'pem',
        cipher: 'aes-256-cbc',
        passphrase: 'secret',
      })
      return { ...(await client({}, { cert: world.client.cert, key: String(key) })), clients: ['node'] }
    },
  ],
  [
    'CERT_NOT_FOUND, CERT_DIR_NOT_FOUND',
    'without files',
    async () => {
      const at = (name: string) => join(world.certDir, 'absent', name)
      const call = { url: urlOf(served), ca: at('ca.crt'), cert: at('client.crt'), key: at('client.key') }
      return { call, certDir: join(world.certDir, 'absent') }
    },
  ],
  [
    'SERVER_CERT_INVALID',
    'a server of another CA',
    async () => good(await serverOf(await forge({ issuer: elsewhere, usage: 'server' }))),
  ],
  [
    'SERVER_CERT_INVALID',
    'a self-signed server',
    async () => good(await serverOf(await forge({ usage: 'server' }))),
  ],
  [
    'SERVER_CERT_INVALID',
    'without our CA',
    async () => {
      const { call } = good(urlOf(served))
      return { call: { url: call.url, cert: call.cert ?? '', key: call.key ?? '' } }
    },
  ],
  [
    'SERVER_NAME_MISMATCH',
    'a server of another name',
    async () => {
      const names = { dns: ['elsewhere.example'], ip: [] }
      const url = await serverOf(await forge({ issuer: world.ca, usage: 'server', ...names }))
      return good(url, { clients: ['curl', 'node', 'python'] })
    },
  ],
  ['NOT_TLS', 'a plain HTTP server', async () => good(await plainServer())],
  [
    'NOT_TLS',
    'plain HTTP to a TLS port',
    async () => ({
      call: { url: urlOf(served).replace('https', 'http') },
      clients: ['curl', 'node', 'python'],
    }),
  ],
  [
    'UNSUPPORTED_TLS_VERSION',
    'a server of TLS 1.1',
    async () => {
      const old = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const
      return good(await serverOf({ ...world.server, ...old }))
    },
  ],
  [
    'UNSUPPORTED_TLS_VERSION',
    'a client of TLS 1.1 (curl)',
    async () => {
      const args = ['--tls-max', '1.1', '--ciphers', 'DEFAULT@SECLEVEL=0']
      return { call: good(urlOf(served), {}, args).call, clients: ['curl'] }
    },
  ],
  [
    'UNSUPPORTED_TLS_VERSION',
    'a client of TLS 1.1 (openssl)',
    async () => {
      const args = ['-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0']
      return { call: good(urlOf(served), {}, args).call, clients: ['openssl'] }
    },
  ],
  [
    'CIPHER_MISMATCH',
    'a client with weak suites',
    async () => {
      const args = ['--tls-max', '1.2', '--ciphers', 'ECDHE-ECDSA-AES128-SHA']
      return { call: good(urlOf(served), {}, args).call, clients: ['curl'] }
    },
  ],
  [
    'CIPHER_MISMATCH',
    'a server with weak suites',
    async () => {
      const weak = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-SHA' } as const
      return good(await serverOf({ ...world.server, ...weak }), { clients: [] })
    },
  ],
  [
    'TLS_HANDSHAKE_FAILED',
    'with a certificate that is not theirs',
    async () => ({ ...(await client({}, stolen(world.client))), clients: all }),
  ],
  [
    'TLS_HANDSHAKE_TIMEOUT',
    'a silent server',
    async () => {
      const server = await silentServer()
      onTestFinished(() => server[Symbol.asyncDispose]())
      return good(server.url, { clients: ['curl'], timeoutMs: 200 }, ['--max-time', '1'])
    },
  ],
  ['CONNECTION_FAILED', 'a closed port', async () => good(`https://localhost:${await freePort()}/mcp`)],
  [
    'CONNECTION_FAILED',
    'an unknown name',
    async () => good(`https://${'x'.repeat(64)}/mcp`, { clients: ['curl', 'node'] }),
  ],
  [
    'CONNECTION_TIMEOUT',
    'a server that does not answer',
    async () => {
      const server = await httpsServer(
        { ...world.server, requestCert: true, rejectUnauthorized: false },
        () => {},
      )
      onTestFinished(() => server[Symbol.asyncDispose]())
      return good(server.url, { clients: ['curl'], timeoutMs: 500 }, ['--max-time', '1'])
    },
  ],
  [
    'NOT_MCP',
    'a web server',
    async () =>
      good(await serverOf({ ...world.server, requestCert: true, rejectUnauthorized: false }), {
        clients: [],
      }),
  ],
  [
    'CLIENT_CERT_NOT_ASKED',
    'a server that asks for nothing',
    async () => good(await serverOf(world.server), { clients: [] }),
  ],
]

/** What a person would look for in all that was printed; without versions, ports, addresses in code and times. */
function essence(client: OtherClient, printed: string): string {
  const rejected = /"reason":"\w+"/.exec(printed)?.[0]
  const found =
    rejected ??
    {
      curl: () => /^curl: \(\d+\).*$/m.exec(printed)?.[0],
      openssl: () =>
        /^verify error:.*$/m.exec(printed)?.[0] ??
        /^Could not .*?(?= from)/m.exec(printed)?.[0] ??
        /(?:routines|library):\w*:([^:\n]+)/.exec(printed)?.[1] ??
        /^read:errno=.*$/m.exec(printed)?.[0],
      node: () => printed.trim(),
      python: () => printed.trim(),
    }[client]()
  return (found ?? `nothing to look for in: ${printed}`)
    .replace(/OpenSSL\/[\d.]+: |error:[0-9A-F]+:| \(_ssl\.c:\d+\)|, errno \d+$/g, '')
    .replace(/port \d+ after \d+ ms/, 'port 8443')
    .replace(/after \d+ milliseconds|with 0 bytes received/, '…')
    .replace(/\/[^\s,']*\//g, '')
    .replace(/x{64}/, 'HOST')
    .replace(/<urlopen error (.*)>/, '$1')
}

/** The codes of the steps that failed. */
async function ownCodes({ call, certDir = '', timeoutMs = 3000 }: Provoked): Promise<string[]> {
  const steps = new Steps(() => {}, undefined)
  const trust = await readTrust({ directories: [certDir] })
  const url = new URL(call.url.replace('/health', '/mcp'))
  await diagnose({ url, tls: { certDir }, trust, timeoutMs, handshakeTimeoutMs: timeoutMs }, steps)
  return steps.all.flatMap(({ code }) => (code === null || code === 'NOT_RUN' ? [] : [code]))
}

/** What is not in this section. */
const missing = (title: string, wanted: readonly string[]) =>
  wanted.filter((text) => !sections.get(title)?.includes(text))

describe('docs/tls-troubleshooting.md has what is printed', () => {
  test.each(cases)('%s: %s', async (title, _what, provoke) => {
    const provoked = await provoke()
    const clients = (provoked.clients ?? all).filter((client) => client !== 'python')
    const printed = await Promise.all(
      clients.map(async (client) => essence(client, await printedBy(client, provoked.call))),
    )
    const codes = provoked.certDir === undefined ? [] : (await ownCodes(provoked)).slice(0, 1)
    expect({ title, missing: missing(title, [...printed, ...codes]) }).toEqual({ title, missing: [] })
  })
})

const withPython = onPath('python3') !== undefined
describeWith('Python', withPython, 'docs/tls-troubleshooting.md has what Python prints', () => {
  test('wherever it prints something', async () => {
    let printed = 0
    for (const [title, , provoke] of cases) {
      const { clients = all, call } = await provoke()
      if (!clients.includes('python')) continue
      printed++
      const text = essence('python', await printedBy('python', call))
      expect({ title, missing: missing(title, [text]) }).toEqual({ title, missing: [] })
    }
    expect(printed).toBeGreaterThan(9)
  })
})

test('every section has a cause, a command and a fix', () => {
  for (const [title, text] of sections)
    for (const part of ['| who | prints |', '**Cause.** ', '**Look.** ', '**Fix.** '])
      expect({ title, has: text.includes(part) ? part : '' }).toEqual({ title, has: part })
})

test('every reason that a refused client can read, and every code that is only of test-tls, is on the page', () => {
  const codes = [
    ...['CLIENT_CERT_REQUIRED', 'CERT_EXPIRED', 'CERT_NOT_YET_VALID', 'CERT_REVOKED', 'CERT_INVALID'],
    ...['CLIENT_CERT_REJECTED', ...Object.keys(stepCodes)],
  ]
  expect(codes.filter((code) => !page.includes(code))).toEqual([])
})
