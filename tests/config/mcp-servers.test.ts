import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readMcpServers } from '../../src/config/index.js'
import { refusal } from '../support/refusal.js'
import { scratch } from '../support/scratch.js'

const strict = { tls: true, demoMode: false, demoAllowRemote: false }

function fileWith(content: unknown): string {
  const path = join(scratch(), 'servers.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const serversIn = (mcpServers: unknown, rules = strict) => readMcpServers(fileWith({ mcpServers }), rules)

test('reads servers with TLS files of their own, relative to the folder of the file', () => {
  const path = fileWith({
    mcpServers: {
      weather: {
        url: 'https://weather.example:8443/mcp',
        tls: {
          ca: 'pki/ca.crt',
          cert: 'me.crt',
          key: '/keys/me.key',
          passphrase: 'x',
          serverName: 'weather',
        },
      },
      echo: { url: 'https://localhost/mcp' },
    },
  })
  expect(readMcpServers(path, strict)).toEqual({
    servers: {
      weather: {
        url: 'https://weather.example:8443/mcp',
        serverName: 'weather',
        tls: {
          caCert: join(path, '../pki/ca.crt'),
          clientCert: join(path, '../me.crt'),
          clientKey: '/keys/me.key',
          keyPassphrase: 'x',
        },
      },
      echo: { url: 'https://localhost/mcp', tls: {} },
    },
    notices: [],
  })
})

test('reads the identities that a server must have, as they are compared', () => {
  const { servers } = serversIn({
    one: { url: 'https://localhost/mcp', tls: { serverId: 'spiffe://example.org/one' } },
    two: { url: 'https://localhost/mcp', tls: { serverId: ['spiffe://a/b', `sha256/${'A'.repeat(43)}=`] } },
  })
  expect(servers.one?.serverId).toEqual(['spiffe://example.org/one'])
  expect(servers.two?.serverId).toEqual(['spiffe://a/b', `sha256:${'0'.repeat(64)}`])
  const wrong = { one: { url: 'https://localhost/mcp', tls: { serverId: 'localhost' } } }
  expect(refusal(() => serversIn(wrong)).message).toMatch(/one\.tls\.serverId: .*spiffe:\/\//)
})

test('skips servers that are programs or disabled, and says so', () => {
  const { servers, notices } = serversIn({
    files: { command: 'npx', args: ['files'] },
    off: { url: 'https://localhost/mcp', disabled: true },
    echo: { type: 'http', url: 'https://localhost/mcp' },
  })
  expect(Object.keys(servers)).toEqual(['echo'])
  expect(notices).toEqual([
    expect.stringMatching(/"files" is left out: it is started as a program/),
    expect.stringMatching(/"off" is left out: it is disabled/),
  ])
})

test('tolerates keys of desktop clients, and says that they are not used', () => {
  const { notices } = serversIn({ echo: { url: 'https://localhost/mcp', headers: { A: 'b' }, timeout: 5 } })
  expect(notices).toEqual([expect.stringMatching(/"echo" is not used: headers, timeout$/)])
})

test('names every problem in one error, and no passphrase', () => {
  const file = {
    one: { type: 'sse', url: 'https://localhost/sse' },
    two: { url: 7, tls: { cert: 'me.crt' } },
    three: { url: 'http://localhost/mcp', tls: { insecure: true, passphrase: ['secret'] } },
  }
  const problems = expect.stringMatching(
    /one\.type.*"sse": allowed are http[\s\S]*two\.url.*text is wanted[\s\S]*two\.tls.*come together[\s\S]*three\.url.*never falls back to plaintext[\s\S]*three\.tls\.passphrase[\s\S]*insecure: there is no such option/,
  )
  expect(() => serversIn(file)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: problems }),
  )
  expect(() => serversIn(file)).not.toThrow(/secret/)
})

test('refuses plaintext while TLS is on, and URLs that are none', () => {
  const file = { one: { url: 'http://localhost/mcp' }, two: { url: 'localhost' } }
  expect(() => serversIn(file)).toThrow(/one\.url.*never falls back to plaintext[\s\S]*two\.url.*https/)
  expect(
    serversIn({ one: { url: 'http://localhost/mcp' } }, { ...strict, tls: false }).servers,
  ).toHaveProperty('one')
})

test.each([
  ['a file that is not there', () => join(scratch(), 'absent.json'), /ENOENT/],
  ['a file that is no JSON', () => fileWith('{'), /JSON/],
  ['a file without mcpServers', () => fileWith({ servers: {} }), /mcpServers/],
  ['a file without a server to call', () => fileWith({ mcpServers: {} }), /no server that can be called/],
])('refuses %s', (_, path, message) => {
  expect(() => readMcpServers(path(), strict)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) }),
  )
})
