import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { atTerminal, hostile, showcase } from '../support/calling.js'
import { certificateDirectory } from '../support/certificates.js'
import { runCli } from '../support/cli.js'
import { foreignServer, silentServer } from '../support/foreign-server.js'
import { freePort } from '../support/free-port.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, type Served, serveTest, type World } from '../support/world.js'

let world: World
let served: Served
let url: string
beforeAll(async () => {
  world = await makeWorld()
  served = await serveTest({ tls: world.tls }, showcase)
  url = served.server.url
})
afterAll(async () => {
  await served[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

const cli = (args: readonly string[], { stdin = '', cwd = scratch() } = {}) =>
  runCli(args, { env: { TLS_CERT_DIR: world.certDir }, stdin, cwd })
const call = (...args: string[]) => cli(['call', url, ...args])

/** None of what a terminal would obey. */
function expectHarmless(...outputs: string[]): void {
  for (const output of outputs) expect(output.replace(/[\n\t]/g, '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
}

test('calls a tool with arguments of the types that it wants, from words, JSON, stdin and a file', async () => {
  const cwd = scratch()
  writeFileSync(join(cwd, 'args.json'), '{"count":4}')
  const given: [string[], string, object][] = [
    [['count=1', 'tags=1', 'tags=b'], '', { count: 1, tags: ['1', 'b'] }],
    [['{"count":2}'], '', { count: 2 }],
    [['-'], '{"count":3}', { count: 3 }],
    [['@args.json', 'tags=x'], '', { count: 4, tags: ['x'] }],
  ]
  for (const [words, stdin, told] of given) {
    const { exitCode, stdout, stderr } = await cli(['call', url, 'typed', ...words], { stdin, cwd })
    expect({ exitCode, stderr, told: JSON.parse(stdout) }).toEqual({ exitCode: 0, stderr: '', told })
  }
})

test.each([
  [['typed'], /^error: CONFIG_INVALID: missing: count \(integer up to 10\)\nhint: Arguments: count=/],
  [['typed', 'count=x'], /count: "x" is not an integer up to 10/],
  [['typed', 'count=11'], /: count must be <= 10\n/],
  [['typed', '{"count":"1"}'], /: count must be integer\n/],
  [['typed', 'cuont=1'], /unknown argument "cuont"\nhint: Did you mean count\?/],
  [['tpyed'], /there is no tool "tpyed" at localhost:\d+\nhint: Did you mean typed\?/],
  [['typed', '@absent.json'], /absent\.json does not exist/],
  [[], /no tool is named\nhint: `mcp-mtls tools` lists/],
])('%j is bad usage, and nothing is called', async (words, message) => {
  const { exitCode, stdout, stderr } = await call(...words)
  expect([exitCode, stdout]).toEqual([64, ''])
  expect(stderr).toMatch(message)
})

describe('shows', () => {
  test('structured content once, where the text says the same', async () => {
    expect((await call('structured')).stdout).toBe('{\n  "a": 1\n}\n')
  })

  test('each kind of content; bytes by their type and size', async () => {
    expect((await call('kinds')).stdout).toBe(
      [
        'first\nsecond',
        '[image: image/png, 1.5 kB]',
        '[audio: audio/wav, 3 bytes]',
        '[resource file:///a.txt]\ninside',
        '[resource file:///b.bin]\n[unknown type, 3 bytes]',
        '[link file:///c.txt] c, the third\n',
      ].join('\n\n'),
    )
  })

  test('what a server wrote as it is, but for what a terminal would obey', async () => {
    const { stdout } = await call('hostile')
    expectHarmless(stdout)
    expect(stdout).toBe('\\x1b[2Jred\\u{202e}\\x9b0m\\x0dover\n\tnext https://x/?token=abc\n')
  })

  test('progress and log lines on stderr, and the result alone on stdout', async () => {
    const { stdout, stderr } = await call('talks')
    expect(stdout).toBe('done\n')
    expect(stderr).toMatch(/^1\/2 step 1.*\n2\/2 step 2.*\ninfo talker: said\n {2}.*over\n$/)
    expectHarmless(stderr)
  })

  test('progress on a terminal in one line, which is gone at the end', async () => {
    const { done, stderr, stdout } = atTerminal(['call', url, 'talks', '--cert-dir', world.certDir])
    expect(await done).toBe(0)
    expect(stdout()).toBe('done\n')
    const lines = stderr().replaceAll('\u001b[K', '<K>').replaceAll('\r', '<CR>')
    expect(lines).toMatch(/^<CR>1\/2 step 1[^\n]*<K><CR>2\/2 step 2[^\n]*<K><CR><K>info talker: said\n/)
  })
})

test('--json is the result of the protocol, whole', async () => {
  const { stdout, stderr } = await call('kinds', '--json')
  const result = JSON.parse(stdout)
  expect(result).toMatchObject({
    resultType: 'complete',
    content: expect.arrayContaining([{ type: 'audio', mimeType: 'audio/wav', data: 'AAAA' }]),
    _meta: { 'example.com/extra': [1, { deep: true }] },
  })
  expect(stderr).toBe('')
  const odd = await call('hostile', '--json')
  expectHarmless(odd.stdout)
  expect(JSON.parse(odd.stdout).content[0].text).toBe(`${hostile}\n\tnext https://x/?token=abc`)
})

test('an error of the tool exits 1, with its words on stderr, or its result as JSON', async () => {
  const { exitCode, stdout, stderr } = await call('fails')
  expect([exitCode, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^error: TOOL_FAILED: fails of localhost:\d+: no such thing .*\n$/)
  expectHarmless(stderr)
  const json = await call('fails', '--json')
  expect(json.exitCode).toBe(1)
  expect(JSON.parse(json.stdout)).toMatchObject({ isError: true })
})

describe('without a terminal a question is told, and answered with a no', () => {
  test.each([
    ['form', /asks "Who are you\?.*there is no terminal.*answered with "cancel"/, 0, '{"action":"cancel"}\n'],
    ['page', /asks "Sign in".*there is no terminal/, 0, '{"action":"cancel"}\n'],
    ['sample', /asks for the words of a language model.*refused/, 1, ''],
    ['roots', /^$/, 0, '{"roots":[]}\n'],
  ])('%s', async (tool, told, code, out) => {
    const { exitCode, stdout, stderr } = await call(tool)
    expect([exitCode, stdout]).toEqual([code, out])
    expect(stderr).toMatch(told)
    expectHarmless(stderr)
  })
})

test('--root names folders to servers that ask', async () => {
  const cwd = scratch()
  const { stdout } = await cli(['call', url, 'roots', '--root', 'sub dir', '--root', '/srv'], { cwd })
  expect(JSON.parse(stdout).roots).toEqual([
    { uri: `file://${cwd}/sub%20dir`, name: 'sub dir' },
    { uri: 'file:///srv', name: '/srv' },
  ])
})

describe('exit codes of what is in the way', () => {
  test('nothing listens: 3', async () => {
    const { exitCode, stdout, stderr } = await cli([
      'call',
      `https://localhost:${await freePort()}`,
      'x',
      '--json',
    ])
    expect(exitCode).toBe(3)
    expect(JSON.parse(stdout)).toMatchObject({
      error: { code: 'CONNECTION_FAILED', hint: expect.any(String) },
    })
    expect(stderr).toMatch(/^error: CONNECTION_FAILED: /)
  })

  test('the server refuses our certificate: 3; it is another server: 3', async () => {
    const stranger = await certificateDirectory('Another CA')
    const refused = await cli([
      'call',
      url,
      'x',
      '--client-cert',
      `${stranger}/client.crt`,
      '--client-key',
      `${stranger}/client.key`,
    ])
    expect([refused.exitCode, refused.stderr]).toEqual([
      3,
      expect.stringMatching(/^error: CLIENT_CERT_REJECTED: /),
    ])
    const other = await cli(['call', url, 'x', '--ca-cert', `${stranger}/ca.crt`])
    expect([other.exitCode, other.stderr]).toEqual([
      3,
      expect.stringMatching(/^error: SERVER_CERT_INVALID: /),
    ])
    const named = await cli(['call', url, 'x', '--server-id', 'spiffe://example.org/x'])
    expect(named.exitCode).toBe(3)
    const byName = await cli(['call', url, 'x', '--server-name', 'other.example'])
    expect([byName.exitCode, byName.stderr]).toEqual([3, expect.stringMatching(/SERVER_NAME_MISMATCH/)])
  })

  test('our own files are missing or broken: 1', async () => {
    const missing = await runCli(['call', url, 'x'], { cwd: scratch() })
    expect([missing.exitCode, missing.stderr]).toEqual([1, expect.stringMatching(/^error: CERT_.*cert-gen/s)])
    const broken = await certificateDirectory()
    writeFileSync(join(broken, 'client.crt'), 'nothing')
    const { exitCode, stderr } = await runCli(['call', url, 'x', '--cert-dir', broken])
    expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/^error: CERT_INVALID: .*client\.crt/)])
  })

  test('no answer in time: 4', async () => {
    await using silent = await silentServer()
    const { exitCode, stderr } = await cli(['call', silent.url, 'x', '--timeout', '300ms'])
    expect([exitCode, stderr]).toEqual([4, expect.stringMatching(/^error: \w+_TIMEOUT: /)])
  })

  test('a page that is no MCP: 3', async () => {
    await using foreign = await foreignServer(world.server, (_request, response) => {
      response.writeHead(404, { 'content-type': 'text/html' }).end(`<h1>${hostile}</h1>`)
    })
    const { exitCode, stderr } = await cli(['call', foreign.url, 'x'])
    expect(exitCode).toBe(3)
    expectHarmless(stderr)
  })

  test.each([
    [['call'], /no server is named/],
    [['call', 'http://localhost/mcp', 'x'], /never falls back to plaintext/],
    [['call', 'https://user:secret@localhost/mcp', 'x'], /no user and no password/],
    [['tools', 'https://localhost/mcp', 'more'], /too many arguments/],
    [['call', 'https://localhost/mcp', 'x', '--header', 'no secret'], /--header: expected NAME: VALUE/],
    [
      ['call', 'https://localhost/mcp', 'x', '--header', 'Host: secret'],
      /--header Host: is set by the connection/,
    ],
  ])('%j: 64', async (args, message) => {
    const { exitCode, stdout, stderr } = await cli(args)
    expect([exitCode, stdout]).toEqual([64, ''])
    expect(stderr).toMatch(message)
    expect(stderr).not.toContain('secret')
  })
})

describe('errors of JSON-RPC', () => {
  /** A server of the newest era whose calls end with this error. */
  const failing = (error: object) =>
    foreignServer(world.server, (_request, response, body) => {
      const { id, method } = JSON.parse(body)
      const results: Record<string, object> = {
        'server/discover': {
          resultType: 'complete',
          supportedVersions: ['2026-07-28'],
          capabilities: { tools: {} },
          serverInfo: { name: 'failing', version: '1.0.0' },
        },
        'tools/list': {
          resultType: 'complete',
          ttlMs: 0,
          cacheScope: 'private',
          tools: [{ name: 'x', inputSchema: { type: 'object' } }],
        },
      }
      const answer = results[method] ? { result: results[method] } : { error }
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ jsonrpc: '2.0', id, ...answer }))
    })

  test.each<[string, number, object, RegExp]>([
    [
      'a policy',
      3,
      { code: -32011, message: 'not authorized', data: { code: 'NOT_AUTHORIZED', request_id: 'r-1' } },
      /^error: NOT_AUTHORIZED: the policy of the server does not allow this to our certificate \(request_id r-1\)\nhint: Ask the operator/,
    ],
    [
      'a limit',
      3,
      {
        code: -32012,
        message: 'rate',
        data: { code: 'RATE_LIMITED', request_id: 'r', retry_after_ms: 1200 },
      },
      /^error: RATE_LIMITED: .*\(request_id r\)\nhint: Try again in 1200 ms\.\n$/,
    ],
    [
      'a record',
      3,
      { code: -32013, message: 'audit', data: { code: 'AUDIT_FAILED', request_id: 'r' } },
      /^error: AUDIT_FAILED: the server cannot record calls/,
    ],
    [
      'a gate',
      3,
      { code: -32010, message: 'it has gone', data: { code: 'CONNECTION_FAILED', sent: 'no' } },
      /^error: CONNECTION_FAILED: .*it has gone\nhint: It was not run/,
    ],
    [
      'a gate that waited in vain',
      4,
      { code: -32010, message: 'it is slow', data: { code: 'CONNECTION_TIMEOUT', sent: 'maybe' } },
      /^error: CONNECTION_TIMEOUT: .*\nhint: It may have run/,
    ],
    [
      'anything else',
      1,
      { code: -32603, message: `inside ${hostile}`, data: { why: 'x' } },
      /^error: -32603: inside \\x1b.* \{"why":"x"\}\n$/,
    ],
    [
      'pages that must be opened first',
      1,
      {
        code: -32042,
        message: 'sign in',
        data: { elicitations: [{ mode: 'url', url: 'https://a.example/x' }] },
      },
      /^error: -32042: sign in\nhint: Open this first.*: https:\/\/a\.example\/x\n$/,
    ],
    ['a code without its data', 1, { code: -32011, message: 'mine' }, /^error: -32011: mine\n$/],
  ])('%s: exit %i, in plain words; as it came with --json', async (_what, code, error, words) => {
    await using foreign = await failing(error)
    const { exitCode, stdout, stderr } = await cli(['call', foreign.url, 'x'])
    expect([exitCode, stdout]).toEqual([code, ''])
    expect(stderr).toMatch(words)
    expectHarmless(stderr)
    const json = await cli(['call', foreign.url, 'x', '--json'])
    expect([json.exitCode, JSON.parse(json.stdout)]).toEqual([code, { error }])
  })
})

test('a denial by a policy of ours reaches the caller with its request_id', async () => {
  const folder = scratch()
  const policy = join(folder, 'policy.yaml')
  writeFileSync(
    policy,
    `mode: enforce\nrules:\n  - name: small\n    allow: [anyone]\n    tools: [typed]\n    when: mcp.tool.arguments.count <= 3\n`,
  )
  await using guarded = await serveTest({ tls: world.tls, policy }, showcase)
  const to = (count: number) => cli(['call', guarded.server.url, 'typed', `count=${count}`])
  expect((await to(3)).exitCode).toBe(0)
  const { exitCode, stderr } = await to(4)
  expect(exitCode).toBe(3)
  expect(stderr).toMatch(/^error: NOT_AUTHORIZED: .*\(request_id [\w-]{8,}\)/)
  const hidden = await cli(['call', guarded.server.url, 'kinds'])
  expect([hidden.exitCode, hidden.stderr]).toEqual([
    64,
    expect.stringMatching(/lists only what this certificate/),
  ])
})

test('what demo mode let pass is told', async () => {
  const stranger = await certificateDirectory('Another CA')
  await using lax = await serveTest({ tls: { ...world.tls, demoMode: true } }, showcase)
  const { exitCode, stdout, stderr } = await runCli(
    ['call', lax.server.url, 'structured', '--cert-dir', stranger, '--demo-mode'],
    { cwd: scratch() },
  )
  expect([exitCode, stdout]).toEqual([0, '{\n  "a": 1\n}\n'])
  expect(stderr).toMatch(
    /^warning: demo mode: the certificate of localhost:\d+ was not verified \(issuer-unknown\)$/m,
  )
})

test('takes a server, its certificates and its headers from a file; flags go before them', async () => {
  const seen: (string | undefined)[] = []
  await using foreign = await foreignServer(world.server, ({ headers }, response) => {
    seen.push(headers.authorization)
    response.writeHead(500).end()
  })
  const cwd = scratch()
  const file = join(cwd, 'mcp.json')
  const tls = {
    ca: `${world.certDir}/ca.crt`,
    cert: `${world.certDir}/client.crt`,
    key: `${world.certDir}/client.key`,
  }
  writeFileSync(
    file,
    `{ // as an editor keeps it
      "servers": {
        "show": { "url": "${url}", "tls": ${JSON.stringify(tls)} },
        "other": { "url": "${foreign.url}", "headers": { "Authorization": "Bearer \${TOKEN}" }, "tls": ${JSON.stringify(tls)} },
        "bad": { "url": "http://x" },
      },
    }`,
  )
  const at = (...args: string[]) => runCli(args, { cwd, env: { TOKEN: 'sesame' } })
  const config = ['--config', 'mcp.json']
  expect((await at('call', ...config, '--server', 'show', 'structured')).stdout).toContain('"a": 1')
  await at('tools', ...config, '--server', 'other')
  expect(new Set(seen)).toEqual(new Set(['Bearer sesame']))
  seen.length = 0
  await at('tools', ...config, '--server', 'other', '--header', 'Authorization: mine')
  expect(new Set(seen)).toEqual(new Set(['mine']))
  const wrong = async (...args: string[]) => {
    const { exitCode, stderr } = await at('tools', ...config, ...args)
    expect(exitCode).toBe(64)
    return stderr
  }
  expect(await wrong('--server', 'bad')).toMatch(
    /cannot be called: line 5, column \d+: bad\.url: .*plaintext/,
  )
  expect(await wrong('--server', 'shwo')).toMatch(
    /there is no server "shwo" in mcp\.json\nhint: Did you mean show\?/,
  )
  expect(await wrong()).toMatch(/2 servers: name one\nhint: Add --server NAME: show, other/)
})
