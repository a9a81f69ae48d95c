import type { IncomingMessage } from 'node:http'
import { expect, test } from 'vitest'
import { guardProblem, hostNames, loopbackNames } from '../../src/server/guard.js'
import { coversServerName } from '../../src/x509/server-name.js'

const certificate = {
  dns: ['mcp.example', 'xn--bcher-kva.example', '*.wild.example'],
  ip: ['10.0.0.7', '::7'],
}

interface Case {
  /** `tls` listens at 8443 and `plain` at 8081, with the names above; the others are what they say. */
  readonly at?: 'tls' | 'plain' | 'tls at 443' | 'plain at 80' | 'tls with allowedHosts'
  readonly host: string
  readonly origin: string
}

/** Why a server refuses a request with this Host and this Origin, undefined when it does not. */
function problem({ at = 'tls', host, origin }: Case): string | undefined {
  const tls = at.startsWith('tls')
  const port = Number(/\d+$/.exec(at)?.[0] ?? (tls ? 8443 : 8081))
  const socket = { localPort: port, ...(tls && { encrypted: true }) }
  const allowedHosts = at === 'tls with allowedHosts' ? ['Gateway.example'] : [...loopbackNames, '127.0.0.1']
  return guardProblem(
    { headers: { host, origin }, rawHeaders: ['Host', host, 'Origin', origin], socket } as unknown as Pick<
      IncomingMessage,
      'headers' | 'rawHeaders' | 'socket'
    >,
    {
      allowedHosts: hostNames(allowedHosts),
      coversHost: (name) =>
        tls && at !== 'tls with allowedHosts' && coversServerName(certificate as never, name),
      allowedOrigins: [],
    },
  )
}

const own: readonly Case[] = [
  // The port it listens on, whatever name the request was sent to.
  { host: 'localhost:8443', origin: 'https://localhost:8443' },
  { host: 'LOCALHOST:8443', origin: 'https://localhost:8443' },
  { host: 'localhost:8443', origin: 'https://127.0.0.1:8443' },
  { host: '[::1]:8443', origin: 'https://[::1]:8443' },
  { host: 'mcp.example', origin: 'https://mcp.example:8443' },
  { host: '[::7]:8443', origin: 'https://[::7]:8443' },
  { host: '10.0.0.7:8443', origin: 'https://10.0.0.7:8443' },
  { host: 'xn--bcher-kva.example:8443', origin: 'https://xn--bcher-kva.example:8443' },
  // A wildcard vouches for every name below it, also for one that is served elsewhere: then allowedHosts says which.
  { host: 'mcp.example:8443', origin: 'https://a.wild.example:8443' },
  { at: 'plain', host: 'localhost:8081', origin: 'http://localhost:8081' },
  { at: 'plain', host: '127.0.0.1:8081', origin: 'http://127.0.0.1:8081' },
  { at: 'tls with allowedHosts', host: 'gateway.example:8443', origin: 'https://gateway.example:8443' },
  // A balancer in front listens on another port: the Host header has it.
  { host: 'mcp.example:9000', origin: 'https://mcp.example:9000' },
  { host: 'MCP.example:9000', origin: 'https://mcp.example:9000' },
  { at: 'plain', host: 'localhost:3000', origin: 'http://localhost:3000' },
  // The default port may be left out.
  { host: 'mcp.example', origin: 'https://mcp.example' },
  { host: 'mcp.example:443', origin: 'https://mcp.example' },
  { host: 'mcp.example', origin: 'https://mcp.example:443' },
  { host: 'mcp.example:443', origin: 'https://mcp.example:443' },
  { at: 'tls at 443', host: 'mcp.example:9000', origin: 'https://mcp.example' },
  { at: 'plain at 80', host: 'localhost', origin: 'http://localhost' },
  { at: 'plain at 80', host: 'localhost:9000', origin: 'http://localhost:80' },
]

test.each(own)('$at $host: the own origin $origin is served', (given) => {
  expect(problem(given)).toBeUndefined()
})

const foreign: readonly (Case & { readonly why: string })[] = [
  {
    why: 'a page of another server on this machine',
    host: 'localhost:8443',
    origin: 'https://localhost:3000',
  },
  { why: 'the same, without TLS', at: 'plain', host: 'localhost:8081', origin: 'http://localhost:3000' },
  { why: 'the default port is another port too', host: 'localhost:8443', origin: 'https://localhost' },
  { why: 'no TLS there', host: 'localhost:8443', origin: 'http://localhost:8443' },
  { why: 'TLS there', at: 'plain', host: 'localhost:8081', origin: 'https://localhost:8081' },
  {
    why: 'its default port, the port of ours',
    at: 'tls at 443',
    host: 'localhost',
    origin: 'http://localhost:443',
  },
  { why: 'a rebound name', at: 'plain', host: 'evil.example:8081', origin: 'http://evil.example:8081' },
  {
    why: 'a rebound name, Host forged',
    at: 'plain',
    host: 'localhost:8081',
    origin: 'http://evil.example:8081',
  },
  { why: 'a name inside another', host: 'localhost:8443', origin: 'https://localhost.evil.example:8443' },
  { why: 'another name', host: 'localhost:8443', origin: 'https://evil.example:8443' },
  { why: 'a name not of the certificate', host: 'mcp.example', origin: 'https://other.example:8443' },
  { why: 'two labels for a wildcard', host: 'mcp.example', origin: 'https://a.b.wild.example:8443' },
  {
    why: 'a name of the certificate that allowedHosts leaves out',
    at: 'tls with allowedHosts',
    host: 'gateway.example',
    origin: 'https://mcp.example:8443',
  },
  {
    why: 'loopback that allowedHosts leaves out',
    at: 'tls with allowedHosts',
    host: 'gateway.example',
    origin: 'https://localhost:8443',
  },
  { why: 'a sandboxed page, a file', host: 'localhost:8443', origin: 'null' },
  { why: 'a trailing dot', host: 'localhost:8443', origin: 'https://localhost.:8443' },
  { why: 'a trailing dot in both', host: 'mcp.example.:8443', origin: 'https://mcp.example.:8443' },
  { why: 'a user', host: 'localhost:8443', origin: 'https://localhost:8443@evil.example' },
  { why: 'a user at our name', host: 'localhost:8443', origin: 'https://user@localhost:8443' },
  { why: 'a path', host: 'localhost:8443', origin: 'https://localhost:8443/' },
  { why: 'a backslash', host: 'localhost:8443', origin: 'https:\\\\localhost:8443' },
  { why: 'a query', host: 'localhost:8443', origin: 'https://localhost:8443?' },
  { why: 'a fragment', host: 'localhost:8443', origin: 'https://localhost:8443#' },
  { why: 'a list', host: 'localhost:8443', origin: 'https://localhost:8443 https://evil.example' },
  {
    why: 'a list with commas',
    host: 'localhost:8443',
    origin: 'https://localhost:8443, https://localhost:8443',
  },
  { why: 'no scheme', host: 'localhost:8443', origin: 'localhost:8443' },
  { why: 'no scheme, two slashes', host: 'localhost:8443', origin: '//localhost:8443' },
  { why: 'an empty port', host: 'localhost', origin: 'https://localhost:' },
  { why: 'a port with a zero before it', host: 'localhost:8443', origin: 'https://localhost:08443' },
  { why: 'a long spelling of IPv6', host: '[::1]:8443', origin: 'https://[0:0:0:0:0:0:0:1]:8443' },
  { why: 'IPv4 in IPv6', host: '127.0.0.1:8443', origin: 'https://[::ffff:127.0.0.1]:8443' },
  { why: 'IPv6 without brackets', host: '[::1]:8443', origin: 'https://::1:8443' },
  { why: 'a short spelling of IPv4', host: '127.0.0.1:8443', origin: 'https://127.1:8443' },
  { why: 'IPv4 as a number', host: '127.0.0.1:8443', origin: 'https://2130706433:8443' },
  { why: 'another loopback address', host: '127.0.0.1:8443', origin: 'https://127.0.0.2:8443' },
  { why: 'upper case', host: 'localhost:8443', origin: 'https://LOCALHOST:8443' },
  { why: 'upper case in the scheme', host: 'localhost:8443', origin: 'HTTPS://localhost:8443' },
  { why: 'letters beyond ASCII', host: 'xn--bcher-kva.example', origin: 'https://bücher.example:8443' },
  { why: 'percent signs', host: 'localhost:8443', origin: 'https://%6cocalhost:8443' },
  { why: 'another scheme', host: 'localhost:8443', origin: 'wss://localhost:8443' },
  { why: 'an extension', host: 'localhost:8443', origin: 'chrome-extension://localhost:8443' },
]

test.each(foreign)('$host: $origin ($why) is refused', (given) => {
  expect(problem(given)).toMatch(/^Invalid (Origin|Host)/)
})

test.each([
  ['https://app.example', true],
  ['https://app.example:8443', false],
  ['http://app.example', false],
  ['https://tools.example:9000', true],
  ['http://tools.example', true],
  ['https://user@tools.example', false],
  ['https://tools.example/', false],
  ['https://TOOLS.example', false],
  ['https://tools.example, https://app.example', false],
  ['https://tools.example.', false],
  ['chrome-extension://abcdef', true],
  ['chrome-extension://abcdefg', false],
  ['vscode-webview://1a2b', true],
  ['vscode-webview://1a2b/path', false],
  ['capacitor://tools.example', true],
  ['null', false],
])('with some allowed, the origin %s is one of them: %s', (origin, allowed) => {
  const request = {
    headers: { host: 'localhost', origin },
    rawHeaders: [],
    socket: { localPort: 8443 },
  } as unknown as IncomingMessage
  const said = guardProblem(request, {
    allowedHosts: ['localhost'],
    coversHost: () => false,
    allowedOrigins: [
      'https://app.example',
      'tools.example',
      'chrome-extension://abcdef',
      'vscode-webview://*',
    ],
  })
  expect(said === undefined).toBe(allowed)
})

test.each([
  ['localhost:8443', '/health', undefined],
  ['[::1]:8443', '/health', undefined],
  ['localhost/evil', '/', 'the Host header is no host'],
  ['localhost?evil', '/', 'the Host header is no host'],
  ['user@localhost', '/', 'the Host header is no host'],
  ['localhost:8443', 'https://localhost:8443/health', undefined],
  ['localhost:8443', 'https://evil.example/health', 'the request is for another host than its Host header'],
  ['localhost:8443', '//evil.example/health', undefined], // a path, and nothing else, in an HTTP request
])('the Host %j with the target %j', (host, url, expected) => {
  const request = { headers: { host }, rawHeaders: ['Host', host], socket: { localPort: 8443 }, url }
  const rules = { allowedHosts: [...loopbackNames], coversHost: () => false, allowedOrigins: [] }
  expect(guardProblem(request as unknown as IncomingMessage, rules)).toBe(expected)
})
