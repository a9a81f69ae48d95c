import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseExposeOptions } from '../../src/config/index.js'
import { refusal } from '../support/refusal.js'
import { directoryWith, scratch, usualFiles } from '../support/scratch.js'

const here = { cwd: tmpdir(), env: { PATH: process.env.PATH } }
const program = { command: process.execPath, tlsEnabled: false }
const upstream = { upstream: 'http://127.0.0.1:9000/mcp', tlsEnabled: false }

const parsed = (options: object, surroundings = here) => parseExposeOptions(options, surroundings)
const refused = (options: object) => refusal(() => parsed(options))

describe('a command', () => {
  test('has the documented defaults', () => {
    const { target, name, server } = parsed(program)
    expect({ target, name }).toEqual({
      name: 'exposed',
      target: {
        command: {
          command: process.execPath,
          args: [],
          cwd: here.cwd,
          environment: expect.any(Function),
          instances: 'session',
          idle: 300_000,
          maxInstances: 100,
          startTimeout: 30_000,
          maxLine: 20_000_000,
        },
      },
    })
    expect(server()).toMatchObject({
      name: 'exposed',
      sessions: { idle: 300_000, max: 100, maxPerIdentity: 500 },
    })
  })

  test('has what is given', () => {
    const parent = scratch()
    const cwd = join(parent, 'folder')
    mkdirSync(cwd)
    const given = {
      args: ['-y', ' spaced '],
      instances: 'identity',
      maxInstances: 7,
      maxLine: 1000,
    }
    const options = { ...program, ...given, cwd: 'folder', startTimeout: '5s', idle: '1m', name: 'mine' }
    const { target, name } = parsed(options, { ...here, cwd: parent })
    expect({ target, name }).toMatchObject({
      name: 'mine',
      target: { command: { ...given, cwd, startTimeout: 5000, idle: 60_000 } },
    })
  })

  test('is named after what it runs', () => {
    expect(parsed({ ...program, args: ['/srv/weather.js'] }).name).toBe('weather')
  })

  test('is looked for with the PATH that it will have', () => {
    const { code } = refused({ ...program, command: 'node', env: { PATH: '/nowhere' } })
    expect(code).toBe('COMMAND_NOT_FOUND')
    expect(parsed({ ...program, command: 'node' }).target).toMatchObject({
      command: { command: expect.stringMatching(/\/node$/) },
    })
  })

  test('gets its variables and ours, but no secret and no caller of ours', () => {
    const env = { ...here.env, TLS_KEY_PASSPHRASE: 'x', LLM_API_KEY: 'x', MCP_MTLS_CALLER_ID: 'cn:other' }
    const { target } = parsed({ ...program, env: { LLM_API_KEY: 'its own' } }, { ...here, env })
    env.PATH = 'later'
    const environment = 'command' in target ? target.command.environment : undefined
    expect(environment?.()).toEqual({ ...here.env, LLM_API_KEY: 'its own' })
    expect(environment?.({ id: 'cn:alice' })).toMatchObject({ MCP_MTLS_CALLER_ID: 'cn:alice' })
  })
})

describe('an upstream', () => {
  test.each([
    ['http://localhost:9000', 'http://localhost:9000/mcp'],
    ['http://localhost:9000/', 'http://localhost:9000/'],
    [new URL('http://[::1]:9000/sse?a=b'), 'http://[::1]:9000/sse?a=b'],
  ])('%s is called at %s', (url, href) => {
    const { target, name, server } = parsed({ ...upstream, upstream: url })
    expect(target).toEqual({ upstream: new URL(href) })
    expect(name).toBe('upstream')
    expect(server().sessions).toEqual({ idle: 300_000, max: 10_000, maxPerIdentity: 500 })
  })

  test('beyond loopback is refused', () => {
    const error = refused({ ...upstream, upstream: 'http://10.0.0.1/mcp' })
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('loopback') })
  })

  test('options about a command beside it are named', () => {
    const { message } = refused({
      ...upstream,
      ...program,
      args: [],
      maxLine: 1,
      startTimeout: '1s',
      env: {},
    })
    for (const name of ['command', 'args', 'maxLine', 'startTimeout', 'env'])
      expect(message).toMatch(new RegExp(`^ +${name}: is for a command`, 'm'))
  })

  test('options that have no value are not given', () => {
    expect(parsed({ ...upstream, command: undefined, maxLine: undefined }).name).toBe('upstream')
  })
})

describe('sessions', () => {
  test('are always on, and end after `idle`', () => {
    for (const sessions of [undefined, true, {}])
      expect(parsed({ ...upstream, sessions, idle: '10s' }).server().sessions).toMatchObject({ idle: 10_000 })
  })

  test.each([
    ['session', 5],
    ['identity', 50],
    ['shared', 50],
  ])('are not more than processes where each has its own: %s', (instances, max) => {
    const options = { ...program, instances, maxInstances: 5, sessions: { max: 50, maxPerIdentity: 3 } }
    expect(parsed(options).server().sessions).toMatchObject({ max, maxPerIdentity: 3 })
  })
})

test.each([
  [{}, /command: missing: give a command, or the URL of an upstream/],
  [{ command: '' }, /command: "": may not be empty/],
  [{ command: 5 }, /command: 5: text is wanted/],
  [{ command: 'a\0b' }, /null character/],
  [{ args: 'x' }, /args: text: lists are wanted/],
  [{ args: ['a', 5] }, /args\.1: 5: text is wanted/],
  [{ cwd: 'absent' }, /cwd: .*absent is not a directory/],
  [{ cwd: 'a\0b' }, /cwd: .*null character/],
  [{ cwd: 5 }, /cwd: 5: text is wanted/],
  [{ env: ['A=1'] }, /env: a list: variables are wanted/],
  [{ env: { A: 1 } }, /env\.A: 1: text is wanted/],
  [{ env: { 'A=B': '1' } }, /env\.A=B: is not a name of a variable/],
  [{ env: { mcp_mtls_caller: 'forged' } }, /env\.mcp_mtls_caller: is told by mcp-mtls alone/],
  [{ instances: 'one' }, /instances: "one": allowed are session, identity, shared/],
  [{ maxInstances: 0 }, /maxInstances: 0: allowed are whole numbers above 0/],
  [{ startTimeout: 'soon' }, /startTimeout: "soon": allowed are durations/],
  [{ maxLine: 1.5 }, /maxLine: 1.5: allowed are whole numbers/],
  [{ idle: 0 }, /idle: 0: allowed are durations/],
  [{ sessions: false }, /sessions: are always on here/],
  [{ sessions: { idle: '1m' } }, /sessions\.idle: is `idle` here/],
  [{ sessions: { many: 1 } }, /sessions\.many: there is no such option/],
  [{ perRequest: true }, /perRequest: there is no such option here/],
  [{ nope: 1 }, /nope: there is no such option/],
  [{ log: 'x' }, /log: text: allowed are false/],
  [{ name: '' }, /name: "": may not be empty/],
  [{ host: '0.0.0.0' }, /host: .*without TLS only loopback/],
])('%j is refused', (options, message) => {
  const error = refused(
    'command' in options || message.source.startsWith('command') ? options : { ...program, ...options },
  )
  expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) })
})

test('all problems are told at once', () => {
  const { message } = refused({ ...program, maxLine: 0, tlsPort: -1, watch: true, idle: 'x' })
  expect(message).toContain('options of expose: 4 problems')
})

test('a value of the environment is not shown', () => {
  const { message } = refused({ ...program, env: { TOKEN: 'a\0secret' } })
  expect(message).not.toContain('secret')
})

test('certificates are looked for by `server` alone', () => {
  const certDir = join(scratch(), 'absent')
  const exposed = parsed({ command: process.execPath, tls: { certDir } })
  expect(refusal(() => exposed.server()).code).toBe('CERT_DIR_NOT_FOUND')
  const tls = { certDir: directoryWith(...usualFiles) }
  expect(parsed({ command: process.execPath, tls }).server().tlsEnabled).toBe(true)
})

test('what is parsed cannot be changed', () => {
  const { target } = parsed(program)
  expect(Object.isFrozen(target) && 'command' in target && Object.isFrozen(target.command.args)).toBe(true)
})

test('who may call what, and where it is recorded, is the same as of any server', () => {
  for (const exposed of [program, upstream]) {
    const { policy, audit } = parsed({
      ...exposed,
      policy: { rules: [] },
      auditLog: '/var/log/audit.jsonl',
      audit: { onFailure: 'deny' },
    }).server()
    expect(policy).toEqual({ rules: [] })
    expect(audit).toMatchObject({ sink: '/var/log/audit.jsonl', onFailure: 'deny', arguments: false })
    const { message } = refused({ ...exposed, policy: 7, audit: { onFailure: 'stop' } })
    expect(message).toContain('policy: 7: a policy is the path of a file')
    expect(message).toContain('audit.onFailure: "stop": allowed are continue, deny')
    expect(refused({ ...exposed, audit: {} }).message).toContain('auditLog, which says where, is missing')
  }
})
