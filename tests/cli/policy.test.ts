import { chmodSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { runCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

const policy = `rules:
  - name: weather
    allow: ["cn:mcp-client"]
    servers: [weather-mcp]
    tools: ["get*"]
    when: mcp.tool.arguments.days <= 3
    limit: { calls: 60, per: 1m, concurrent: 4 }
  - name: no secrets
    deny: [anyone]
    tools: [getSecret]
  - allow: ["spiffe://example.org/agent/*"]
    tools: ["*"]
`

let cwd: string
beforeEach(() => {
  cwd = scratch()
  write('policy.yaml', policy)
})

function write(name: string, text: string | Uint8Array, mode = 0o644): void {
  writeFileSync(join(cwd, name), text)
  chmodSync(join(cwd, name), mode) // whatever the umask is
}

const run = (...args: string[]) => runCli(['policy', ...args], { cwd })
async function done(...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await run(...args)
  expect(exitCode, stdout + stderr).toBe(0)
  return stdout
}
const jsonOf = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout)

describe.each(['init', 'check', 'explain', 'test'])('policy %s', (way) => {
  test('has help with an example and its exit codes, and bad usage ends with 64', async () => {
    const help = await done(way, '--help')
    expect(help).toContain(`$ mcp-mtls policy ${way}`)
    expect(help).toContain('--json')
    expect(help).toMatch(/\nExit codes: 0 [\s\S]*64 bad usage/)
    const { exitCode, stderr } = await run(way, '--no-such-flag')
    expect(exitCode).toBe(64)
    expect(stderr).toMatch(/^error: CONFIG_INVALID/)
  })
})

describe('policy init', () => {
  const gen = async (...args: string[]) => {
    const { exitCode, stderr } = await runCli(['cert-gen', ...args], { cwd })
    expect(exitCode, stderr).toBe(0)
  }

  test('prints a rule for each client whose certificate is in use', async () => {
    await gen()
    await gen('client', 'agent-7', '--san', 'spiffe://example.org/agent/7')
    await gen('client', 'fired')
    await runCli(['cert-revoke', 'certs/fired.crt'], { cwd })
    const text = await done('init')
    expect([...text.matchAll(/allow: (.*)/g)].map(([, ids]) => ids)).toEqual([
      '["cn:mcp-client"]',
      '["spiffe://example.org/agent/7"]',
    ])
    expect(text).toMatch(/# CN=agent-7, until \d{4}-\d\d-\d\d\n/)
    expect(await done('init', 'certs')).toBe(text)
    expect(await jsonOf('init')).toEqual({ path: null, policy: text })
  })

  test('writes a file that check takes, and never over another', async () => {
    await gen()
    const before = process.umask(0)
    await done('init', '--out', 'new.yaml').finally(() => process.umask(before))
    expect(statSync(join(cwd, 'new.yaml')).mode & 0o777).toBe(0o644)
    expect(await jsonOf('check', 'new.yaml')).toEqual({ ok: true, problems: [] })
    symlinkSync('elsewhere.yaml', join(cwd, 'link.yaml'))
    for (const name of ['policy.yaml', 'link.yaml']) {
      const { exitCode, stderr } = await run('init', '--out', name)
      expect(exitCode).toBe(64)
      expect(stderr).toContain('is there already')
    }
    expect(readFileSync(join(cwd, 'policy.yaml'), 'utf8')).toBe(policy)
    const { exitCode, stderr } = await run('init', '--out', 'nowhere/new.yaml')
    expect(exitCode).toBe(64)
    expect(stderr).toContain('cannot be written (ENOENT)')
  })

  test('names the CA beside a name, once a trust domain is bound', async () => {
    await gen('ca', '--trust-domain', 'example.org')
    await gen()
    await gen('client', 'agent-7', '--san', 'spiffe://example.org/agent/7')
    const text = await done('init')
    expect([...text.matchAll(/allow: (.*)/g)].map(([, ids]) => ids)).toEqual([
      '[{ cn: "mcp-client", ca: "example.org" }]',
      '["spiffe://example.org/agent/7"]',
    ])
    write('new.yaml', text)
    const bound = ['--trust-domains', 'example.org=certs/ca.crt']
    const { stderr } = await run('check', 'new.yaml', ...bound)
    expect(stderr).toBe('')
    const call = ['--server', 's', '--tool', 't', '--cert', 'certs/client.crt', ...bound]
    expect(await jsonOf('explain', 'new.yaml', ...call)).toMatchObject({
      decision: 'allow',
      rule: 'rules[0]',
    })
    write('cases.yaml', 'cases: [{ cert: certs/client.crt, server: s, tool: t, expect: allow }]')
    expect(await jsonOf('test', 'new.yaml', 'cases.yaml', ...bound)).toMatchObject({ passed: 1 })
  })

  test('says where there is nothing to start from', async () => {
    const { exitCode, stderr } = await run('init', 'nowhere')
    expect(exitCode).toBe(1)
    expect(stderr).toContain('CERT_NOT_FOUND')
  })
})

describe('policy check', () => {
  test('says that all is right', async () => {
    expect(await done('check', 'policy.yaml')).toBe('policy.yaml: no problems, 3 rules, mode enforce\n')
    expect(await jsonOf('check', 'policy.yaml')).toEqual({ ok: true, problems: [] })
  })

  test('says everything that is wrong at once, with its place and what to do', async () => {
    write('bad.yaml', 'rules:\n  - allow: [reporting]\n    tools: [getTemperature, 7]\n')
    const { exitCode, stdout } = await run('check', 'bad.yaml')
    expect(exitCode).toBe(1)
    expect(stdout).toBe(`bad.yaml:2:13: rules[0].allow[0]: "reporting" does not say what kind of name it is
    hint: Write spiffe://…, dns:, cn:, email:, ou:, o:, issuer:, serial:, fingerprint:sha256:, spki:sha256:, or anyone.
bad.yaml:3:29: rules[0].tools[1]: a name must be a string (got 7)
    hint: Quote it: "7".
2 problems
`)
    const { ok, problems } = await jsonOf('check', 'bad.yaml')
    expect(ok).toBe(false)
    expect(problems).toHaveLength(2)
    expect(problems[1]).toEqual({
      code: 'POLICY_INVALID',
      path: 'rules[0].tools[1]',
      line: 3,
      column: 29,
      message: 'a name must be a string (got 7)',
      hint: 'Quote it: "7".',
    })
  })

  test.each([
    [0o664, 'its group may change it (mode 0664)'],
    [0o646, 'others may change it (mode 0646)'],
    [0o666, 'others may change it (mode 0666)'],
  ])('refuses a file of mode %o', async (mode, words) => {
    write('policy.yaml', policy, mode)
    const { exitCode, stdout } = await run('check', 'policy.yaml')
    expect(exitCode).toBe(1)
    expect(stdout).toContain(words)
    expect(stdout).toContain('chmod go-w ')
    const { ok, problems } = await jsonOf('check', 'policy.yaml')
    expect(ok).toBe(false)
    expect(problems).toMatchObject([{ code: 'POLICY_INVALID', path: '', line: null, column: null }])
    for (const args of [
      ['explain', 'policy.yaml', '--id', 'cn:a', '--server', 's', '--tool', 't'],
      ['test', 'policy.yaml', 'cases.yaml'],
    ])
      expect((await run(...args)).stderr).toContain(words)
  })

  test.each([0o600, 0o644, 0o444, 0o755])('takes one of mode %o', async (mode) => {
    write('policy.yaml', policy, mode)
    expect((await jsonOf('check', 'policy.yaml')).ok).toBe(true)
  })

  test.each<[string, () => void, string]>([
    ['one that is not there', () => {}, 'does not exist'],
    ['a directory', () => mkdirSync(join(cwd, 'other.yaml')), 'is a directory'],
    [
      'a large one',
      () => write('other.yaml', new Uint8Array(1024 * 1024 + 1)),
      'is too large: 1048577 bytes',
    ],
    ['one that is not text', () => write('other.yaml', Buffer.from([0x61, 0xff])), 'is not text in UTF-8'],
    ['an empty one', () => write('other.yaml', ''), 'the file is empty'],
  ])('says what is wrong with a file: %s', async (_, make, words) => {
    make()
    const { exitCode, stdout, stderr } = await run('check', 'other.yaml')
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' })
    expect(stdout).toContain(words)
    expect(await jsonOf('check', 'other.yaml')).toMatchObject({
      ok: false,
      problems: [{ code: 'POLICY_INVALID' }],
    })
  })

  test('warns of what can match nothing, once trust domains are named', async () => {
    expect((await run('check', 'policy.yaml')).stderr).toBe('')
    const { exitCode, stderr } = await run('check', 'policy.yaml', '--trust-domains', 'example.org=ca.crt')
    expect(exitCode).toBe(0)
    expect(stderr).toMatch(/^warning: policy\.yaml:3:13: rules\[0\]\.allow\[0\]: matches nothing/)
    expect(stderr).toContain('ca: example.org')
  })

  test('shows what a file holds, and a terminal does not obey it', async () => {
    write('bad.yaml', '"owned\\e\\u202e": 1\nrules: []\n')
    for (const json of [[], ['--json']]) {
      const { stdout } = await run('check', 'bad.yaml', ...json)
      expect(stdout).toContain('owned')
      for (const raw of ['\u001b', '\u202e']) expect(stdout).not.toContain(raw)
    }
  })
})

describe('policy explain', () => {
  const weather = ['explain', 'policy.yaml', '--server', 'weather-mcp']

  test('tells the decision, and why the other rules did not decide', async () => {
    const call = ['--id', 'cn:mcp-client', '--id', 'ou:sales', '--tool', 'getForecast']
    expect(await jsonOf(...weather, ...call, '--arguments', '{"days":3}')).toEqual({
      decision: 'allow',
      rule: 'weather',
      line: 2,
      reason: 'allowed',
      identity: ['cn:mcp-client', 'ou:sales'],
      limit: { calls: 60, per: '1m', concurrent: 4 },
      considered: [
        { rule: 'no secrets', line: 8, fits: false, because: 'none of its tools fits "getForecast"' },
        { rule: 'rules[2]', line: 11, fits: false, because: 'it does not name this caller' },
      ],
    })
    expect(
      await done(...weather, ...call, '--arguments', '{"days":3}'),
    ).toBe(`allow: a rule allows it (allowed)
caller  cn:mcp-client
        ou:sales
rule    weather, line 2
limit   60 calls per 1m, 4 at once

other rules:
  line 8   no secrets  none of its tools fits "getForecast"
  line 11  rules[2]    it does not name this caller
`)
  })

  test.each<[string[], string, string | null, string]>([
    [
      ['--id', 'cn:mcp-client', '--tool', 'getForecast', '--arguments', '{"days":7}'],
      'deny',
      'weather',
      'condition',
    ],
    [['--id', 'cn:mcp-client', '--tool', 'getSecret'], 'deny', 'no secrets', 'denied'],
    [['--id', 'cn:other', '--tool', 'getForecast'], 'deny', null, 'no_rule'],
    [['--id', 'unverified', '--tool', 'getForecast'], 'deny', null, 'unverified'],
    [['--id', 'cn:other', '--method', 'tools/list'], 'allow', null, 'open_method'],
    [['--id', 'cn:other', '--method', 'x/y'], 'deny', null, 'unknown_method'],
    [
      ['--id', 'cn:other', '--resource', 'file:///a', '--method', 'resources/subscribe'],
      'deny',
      null,
      'no_rule',
    ],
    [
      ['--id', 'cn:other', '--prompt', 'p', '--now', '2026-01-31T12:00:00Z', '--address', '::1'],
      'deny',
      null,
      'no_rule',
    ],
  ])('ends with 0 whatever it is: %j', async (args, decision, rule, reason) => {
    await done(...weather, ...args)
    expect(await jsonOf(...weather, ...args)).toMatchObject({ decision, rule, reason })
  })

  test('takes the names of a certificate, and says that its chain was not verified', async () => {
    await runCli(['cert-gen'], { cwd })
    const args = [
      ...weather,
      '--cert',
      'certs/client.crt',
      '--tool',
      'getForecast',
      '--arguments',
      '{"days":1}',
    ]
    const { exitCode, stdout, stderr } = await run(...args, '--json')
    expect(exitCode).toBe(0)
    const { decision, identity } = JSON.parse(stdout)
    expect(decision).toBe('allow')
    expect(identity).toContain('cn:mcp-client')
    expect(stderr).toContain('the chain of certs/client.crt was not verified')
    const bound = await jsonOf(...args, '--trust-domains', 'example.org=certs/ca.crt')
    expect(bound).toMatchObject({ decision: 'deny', reason: 'no_rule' })
  })

  test('knows that with trust domains a name alone is not enough', async () => {
    const args = [...weather, '--id', 'cn:mcp-client', '--tool', 'getX', '--arguments', '{"days":1}']
    expect((await jsonOf(...args)).decision).toBe('allow')
    const bound = await jsonOf(...args, '--trust-domains', 'example.org=ca.crt')
    expect(bound).toMatchObject({ decision: 'deny', reason: 'no_rule' })
  })

  test('in report mode says that nothing is denied', async () => {
    write('policy.yaml', `mode: report\n${policy}`)
    const stdout = await done(...weather, '--id', 'cn:other', '--tool', 'x')
    expect(stdout).toMatch(/^deny: .*\n[\s\S]*^mode +report: nothing is denied/m)
  })

  test.each<[string[], string]>([
    [['--tool', 't'], 'the caller is either --cert or --id'],
    [['--id', 'cn:a', '--cert', 'c.crt', '--tool', 't'], 'the caller is either --cert or --id'],
    [['--id', 'a', '--tool', 't'], '"a" does not say what kind of name it is'],
    [['--id', 'dns:*.a', '--tool', 't'], 'is a pattern, not a name'],
    [['--id', 'cn:a'], 'what is called is missing'],
    [['--id', 'cn:a', '--tool', 't', '--prompt', 'p'], 'tool and prompt are two calls'],
    [['--id', 'cn:a', '--tool', 't', '--arguments', '{'], '--arguments is not JSON'],
    [['--id', 'cn:a', '--tool', 't', '--arguments', '[1]'], '--arguments must be a JSON object'],
    [['--id', 'cn:a', '--tool', 't', '--now', 'today'], '"today" is not a time'],
    [['--id', 'cn:a', '--tool', 't', '--now', '2026-01-31T12:00'], 'is not a time'],
    [['--id', 'cn:a', '--tool', 't', '--address', 'localhost'], '"localhost" is not an IP address'],
  ])('bad usage: %j', async (args, words) => {
    const { exitCode, stdout, stderr } = await run(...weather, ...args)
    expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: '' })
    expect(stderr).toContain(words)
    expect(stderr).toMatch(/^hint: /m)
  })

  test('without a server, a policy or a certificate there is nothing to explain', async () => {
    const call = ['--server', 's', '--tool', 't']
    expect((await run('explain', 'policy.yaml', '--id', 'cn:a', '--tool', 't')).exitCode).toBe(64)
    write('bad.yaml', 'rules: 7')
    for (const file of ['bad.yaml', 'none.yaml']) {
      const { exitCode, stderr } = await run('explain', file, '--id', 'cn:a', ...call)
      expect(exitCode).toBe(1)
      expect(stderr).toContain('POLICY_INVALID')
    }
    const { exitCode, stderr } = await run('explain', 'policy.yaml', '--cert', 'none.crt', ...call)
    expect(exitCode).toBe(1)
    expect(stderr).toMatch(/CERT_NOT_FOUND: .*none\.crt does not exist/)
  })
})

describe('policy test', () => {
  const cases = `cases:
  - { name: short, as: "cn:mcp-client", server: weather-mcp, tool: getForecast, arguments: { days: 3 }, expect: allow, rule: weather }
  - { as: unverified, server: weather-mcp, tool: getForecast, expect: deny }
`

  test('ends with 0 when each is decided as expected', async () => {
    write('cases.yaml', cases)
    expect(await done('test', 'policy.yaml', 'cases.yaml')).toMatch(/^✓ [\s\S]*\n2 passed, 0 failed\n$/)
    expect(await jsonOf('test', 'policy.yaml', 'cases.yaml')).toEqual({
      passed: 2,
      failed: 0,
      cases: [
        {
          name: 'short',
          line: 2,
          expect: 'allow',
          decision: 'allow',
          rule: 'weather',
          reason: 'allowed',
          ok: true,
        },
        {
          name: 'cases[1]',
          line: 3,
          expect: 'deny',
          decision: 'deny',
          rule: null,
          reason: 'unverified',
          ok: true,
        },
      ],
    })
  })

  test('ends with 1 when one is not, by the rule too', async () => {
    const other = 'server: weather-mcp, tool: getSecret, expect: deny, rule: weather }'
    write(
      'cases.yaml',
      `${cases.replace('expect: deny', 'expect: allow')}  - { as: "cn:mcp-client", ${other}\n`,
    )
    const { exitCode, stdout } = await run('test', 'policy.yaml', 'cases.yaml')
    expect(exitCode).toBe(1)
    expect(stdout).toContain('deny (unverified), and allow was expected')
    expect(stdout).toContain('deny (denied, by no secrets), and another rule was expected')
    expect(stdout).toContain('\n1 passed, 2 failed\n')
    const json = await run('test', 'policy.yaml', 'cases.yaml', '--json')
    expect(json.exitCode).toBe(1)
    expect(JSON.parse(json.stdout)).toMatchObject({ passed: 1, failed: 2 })
  })

  test('looks for certificates beside the cases', async () => {
    await runCli(['cert-gen'], { cwd })
    const text = `cases: [{ cert: client.crt, server: weather-mcp, tool: getX, arguments: { days: 1 }, expect: allow }]`
    writeFileSync(join(cwd, 'certs', 'cases.yaml'), text)
    expect(await jsonOf('test', 'policy.yaml', 'certs/cases.yaml')).toMatchObject({ passed: 1, failed: 0 })
    const bound = ['--trust-domains', 'example.org=certs/ca.crt']
    expect(await jsonOf('test', 'policy.yaml', 'certs/cases.yaml', ...bound)).toMatchObject({ failed: 1 })
    write('cases.yaml', text)
    const { exitCode, stderr } = await run('test', 'policy.yaml', 'cases.yaml')
    expect(exitCode).toBe(64)
    expect(stderr).toMatch(/line 1, column 17: cases\[0\]\.cert: .*client\.crt does not exist/)
  })

  test.each<[string, string, string]>([
    ['no policy', 'none.yaml', 'cases.yaml'],
    ['no cases', 'policy.yaml', 'none.yaml'],
    ['a policy for cases', 'policy.yaml', 'policy.yaml'],
    ['cases for a policy', 'cases.yaml', 'cases.yaml'],
    ['a directory', 'policy.yaml', '.'],
  ])('ends with 64 when nothing can be tried: %s', async (_, file, other) => {
    write('cases.yaml', cases)
    const { exitCode, stdout, stderr } = await run('test', file, other)
    expect({ exitCode, stdout }).toEqual({ exitCode: 64, stdout: '' })
    expect(stderr).toMatch(/^error: (CONFIG|POLICY)_INVALID: /)
  })
})
