import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readMcpServers } from '../../src/config/mcp-servers.js'
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
    leftOut: {},
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
  const { servers, notices, leftOut } = serversIn({
    files: { command: 'npx', args: ['files'] },
    off: { url: 'https://localhost/mcp', disabled: true },
    echo: { type: 'http', url: 'https://localhost/mcp' },
  })
  expect(Object.keys(servers)).toEqual(['echo'])
  expect(leftOut).toEqual({ files: 'it is a local (stdio) server', off: 'it is disabled' })
  expect(notices).toEqual([
    expect.stringMatching(/server "files" skipped: it is a local \(stdio\) server$/),
    expect.stringMatching(/server "off" skipped: it is disabled$/),
  ])
})

test('tolerates keys of desktop clients, and says that they are not used', () => {
  const { notices } = serversIn({ echo: { url: 'https://localhost/mcp', alwaysAllow: [], timeout: 5 } })
  expect(notices).toEqual([expect.stringMatching(/"echo" is not used: alwaysAllow, timeout$/)])
})

test('names every problem in one error, and no passphrase', () => {
  const file = {
    one: { type: 'sse', url: 'https://localhost/sse' },
    two: { url: 7, tls: { cert: 'me.crt' } },
    three: { url: 'http://localhost/mcp', tls: { insecure: true, passphrase: ['secret'] } },
  }
  const problems = expect.stringMatching(
    /one\.type.*"sse": the older HTTP\+SSE transport[\s\S]*two\.url.*text is wanted[\s\S]*two\.tls.*come together[\s\S]*three\.url.*never falls back to plaintext[\s\S]*three\.tls\.passphrase[\s\S]*insecure: there is no such option/,
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
  ['a file that is not there', () => join(scratch(), 'absent.json'), /does not exist/],
  ['a file that is no JSON', () => fileWith('{'), /JSON/],
  ['a file without mcpServers', () => fileWith({ inputs: [] }), /mcpServers \(or servers\): missing/],
  [
    'a list in the place of the servers',
    () => fileWith({ servers: [] }),
    /line 1, column 12: servers: an object/,
  ],
  ['a file without a server to call', () => fileWith({ mcpServers: {} }), /no server that can be called/],
])('refuses %s', (_, path, message) => {
  expect(() => readMcpServers(path(), strict)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) }),
  )
})

const url = 'https://localhost/mcp'

test('reads JSON as people write it: comments, trailing commas, a byte order mark, line ends of Windows', () => {
  const text = `\uFEFF{
    // our servers
    "mcpServers": {
      "echo": { "url": "${url}", /* over mTLS */ },
    },
  }`
  for (const written of [text, text.replaceAll('\n', '\r\n')])
    expect(readMcpServers(fileWith(written), strict)).toMatchObject({
      servers: { echo: { url } },
      notices: [],
    })
})

test('reads the lists and the keys of other clients', () => {
  const file = {
    inputs: [],
    servers: { vscode: { type: 'http', url }, files: { type: 'stdio', command: 'npx' } },
    mcpServers: {
      windsurf: { serverUrl: url },
      gemini: { httpUrl: url, url: 'https://localhost/sse' },
      cursor: { url, type: 'streamable-http', enabled: true },
      off: { url, enabled: false },
    },
  }
  const { servers, leftOut } = readMcpServers(fileWith(file), strict)
  expect(Object.keys(servers).sort()).toEqual(['cursor', 'gemini', 'vscode', 'windsurf'])
  for (const entry of Object.values(servers)) expect(entry.url).toBe(url)
  expect(Object.keys(leftOut).sort()).toEqual(['files', 'off'])
})

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: placeholders of the file
test('fills in variables, in each form that clients have, and the home directory', () => {
  const path = fileWith({
    mcpServers: {
      echo: {
        url: 'https://${ECHO_HOST}:${env:ECHO_PORT}/mcp',
        headers: { Authorization: 'Bearer ${TOKEN:-none}', 'X-Team': '${EMPTY:-blue}' },
        tls: {
          ca: '~/ca.crt',
          cert: '${userHome}/c.crt',
          key: '${workspaceFolder}/c.key',
          passphrase: '${PW}',
        },
      },
    },
  })
  const env = { ECHO_HOST: 'echo.example', ECHO_PORT: '8445', EMPTY: '', PW: 'secret' }
  expect(readMcpServers(path, strict, { env, home: '/home/me' }).servers.echo).toEqual({
    url: 'https://echo.example:8445/mcp',
    headers: { Authorization: 'Bearer none', 'X-Team': 'blue' },
    tls: {
      caCert: '/home/me/ca.crt',
      clientCert: '/home/me/c.crt',
      clientKey: join(path, '../c.key'),
      keyPassphrase: 'secret',
    },
  })
})

test.each([
  ['a variable that is not set', '${HOST}', /the variable HOST is not set/],
  ['an input of VS Code', '${input:host}', /an input of VS Code/],
  ['anything else in braces', '${command:x}', /a placeholder that is not known/],
])('says where it cannot fill in %s', (_, host, message) => {
  const text = `{\n  "mcpServers": {\n    "echo": {\n      "url": "https://${host}/mcp"\n    }\n  }\n}`
  const { message: told } = refusal(() => readMcpServers(fileWith(text), strict))
  expect(told).toMatch(/line 4, column 14: echo\.url: /)
  expect(told).toMatch(message)
})
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: placeholders of the file

test('one bad entry does not stop the others: it is told with line and column', () => {
  const text = `{ "mcpServers": {
    "bad": { "url": "https://localhost/mcp",
             "tls": { "cert": "a", "key": "b", "insecure": true } },
    "good": { "url": "${url}" },
    "none": 7
  } }`
  const { servers, leftOut, notices } = readMcpServers(fileWith(text), strict)
  expect(Object.keys(servers)).toEqual(['good'])
  expect(leftOut).toEqual({
    bad: 'line 3, column 60: bad.tls.insecure: there is no such option',
    none: expect.stringMatching(/^line 5, column 13: none: an object is wanted/),
  })
  expect(notices).toHaveLength(2)
})

test.each([
  ['a comma', '{\n "mcpServers": {}\n "servers": {}\n}', 'line 3, column 2: expected a comma'],
  ['a brace', '{\n "mcpServers": {', 'line 2, column 17: expected a closing brace }'],
  ['a quote', '{ "mcpServers: {} }', 'column 3: a text does not end: a double quote is missing'],
  ['single quotes', "{ 'mcpServers': {} }", 'line 1, column 3: expected a value'],
  ['the path of Windows in it', '{ "a": "C:\\Users" }', 'column 8: an escape that JSON does not have'],
  ['more behind its end', '{} {}', 'line 1, column 4: expected the end of the file'],
  ['a hundred thousand brackets', '['.repeat(100_000), 'it is nested too deep'],
  ['nothing in it', ' \n', 'the file is empty'],
])('says where the JSON is wrong: %s', (_, text, told) => {
  const { code, message } = refusal(() => readMcpServers(fileWith(text), strict))
  expect(code).toBe('CONFIG_INVALID')
  expect(message).toContain(told)
})

test('a name that stands twice is told, and the last one counts', () => {
  const text = `{ "mcpServers": { "echo": { "url": "https://a/mcp" },\n "echo": { "url": "https://b/mcp" } } }`
  const { servers, notices } = readMcpServers(fileWith(text), strict)
  expect(servers.echo?.url).toBe('https://b/mcp')
  expect(notices).toEqual([expect.stringMatching(/line 2, column 2: mcpServers\.echo stands twice/)])
})

test('names that JavaScript has a use for are names', () => {
  const { servers } = readMcpServers(
    fileWith(`{ "mcpServers": { "__proto__": { "url": "${url}" }, "constructor": { "url": "${url}" } } }`),
    strict,
  )
  expect(Object.keys(servers).sort()).toEqual(['__proto__', 'constructor'])
})

test.each([
  ['Host', 'evil', /headers\.Host: is set by the connection or by MCP itself/],
  ['Mcp-Session-Id', '1', /headers\.Mcp-Session-Id: is set by/],
  ['X Y', '1', /headers\.X Y: is no name of a header/],
  ['X-A', 'secret\r\nEvil: 1', /headers\.X-A: its value has a character/],
  ['X-A', 7, /headers\.X-A: 7: text is wanted/],
])('refuses the header %s: %s', (name, value, message) => {
  const { message: told } = refusal(() => serversIn({ echo: { url, headers: { [name]: value } } }))
  expect(told).toMatch(message)
  expect(told).not.toContain('secret')
})
