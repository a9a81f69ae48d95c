import { expect, test } from 'vitest'
import { childEnvironment, type Setting, settingNames, settingTable } from '../../src/config/index.js'
import { secretText } from '../../src/config/settings/setting-kinds.js'

test('a program gets the variables of this process, and those given for it over them', () => {
  const env = { PATH: '/bin', HOME: '/home/me', EMPTY: '', UNSET: undefined }
  expect(childEnvironment(env, { HOME: '/srv', EXTRA: '1' })).toEqual({
    PATH: '/bin',
    HOME: '/srv',
    EMPTY: '',
    EXTRA: '1',
  })
  expect(env.HOME).toBe('/home/me')
})

const secretSettings = settingNames
  .map((name): Setting => settingTable[name])
  .filter(({ kind }) => kind === secretText)
  .map(({ variable }) => variable)

test('secrets of ours are not passed on, in any spelling', () => {
  expect(secretSettings).toContain('TLS_KEY_PASSPHRASE')
  const names = [
    ...secretSettings,
    'TLS_KEY_PASSPHRASE_FILE',
    'TLS_TICKET_KEYS',
    'TLS_SERVER_KEY',
    'TLS_CLIENT_KEY',
    'AUDIT_KEY',
  ]
  for (const name of [...names, ...names.map((name) => name.toLowerCase())])
    expect(childEnvironment({ [name]: 'secret' }, {}), name).toEqual({})
})

test('settings that are no secret, and secrets of others, are passed on', () => {
  const env = {
    TLS_CERT_DIR: 'certs',
    MCP_HOST: '::1',
    GITHUB_TOKEN: 'theirs',
    SSH_AUTH_SOCK: '/s',
    MONKEY: 'x',
  }
  expect(childEnvironment(env, {})).toEqual(env)
})

test('a secret that is given for the program is its own', () => {
  expect(childEnvironment({ LLM_API_KEY: 'ours' }, { LLM_API_KEY: 'its own' })).toEqual({
    LLM_API_KEY: 'its own',
  })
})

const caller = { id: 'cn:alice', verified: true, names: ['dns:alice.example'] }

test('who calls is told by id and as JSON', () => {
  expect(childEnvironment({ A: '1' }, {}, caller)).toEqual({
    A: '1',
    MCP_MTLS_CALLER_ID: 'cn:alice',
    MCP_MTLS_CALLER: JSON.stringify(caller),
  })
})

test.each([
  'MCP_MTLS_CALLER_ID',
  'MCP_MTLS_CALLER',
  'mcp_mtls_caller_id',
  'Mcp_Mtls_Caller',
  'MCP_MTLS_CALLER_NEW',
])('%s of somebody else never arrives, with a caller and without', (name) => {
  for (const [env, extra] of [
    [{ [name]: 'forged' }, {}],
    [{}, { [name]: 'forged' }],
  ] as const) {
    expect(childEnvironment(env, extra)).toEqual({})
    expect(Object.values(childEnvironment(env, extra, caller))).not.toContain('forged')
  }
})

test('names of the prototype are variables like others', () => {
  const env = Object.fromEntries([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
  expect(Object.entries(childEnvironment(env, {}))).toEqual([
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ])
})
