import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  readDotenv,
  readSettings,
  type Setting,
  type SettingName,
  settingNames,
  settingsOf,
  settingTable,
} from '../../src/config/index.js'
import { limitNames } from '../../src/config/limits.js'
import { refusal } from '../support/refusal.js'
import { scratch } from '../support/scratch.js'

test('with nothing given, everything has its documented default', () => {
  expect(readSettings({ cwd: '/srv' })).toEqual({
    tlsEnabled: true,
    tls: {
      certDir: '/srv/certs',
      crlMissing: 'refuse',
      demoMode: false,
      demoAllowRemote: false,
      minVersion: 'TLSv1.2',
    },
    host: '127.0.0.1',
    allowedOrigins: [],
    sessions: { enabled: false, idle: 300_000, max: 10_000, maxPerIdentity: 500 },
    servers: {
      weather: { port: 8081, tlsPort: 8443, url: 'https://localhost:8443/mcp' },
      datetime: { port: 8082, tlsPort: 8444, url: 'https://localhost:8444/mcp' },
      echo: { port: 8083, tlsPort: 8445, url: 'https://localhost:8445/mcp' },
    },
    timeoutMs: 30_000,
    maxAnswerBytes: 10 * 1024 * 1024,
    weather: { provider: 'auto', openMeteoUrl: 'https://api.open-meteo.com' },
    llm: {},
    audit: {
      onFailure: 'continue',
      arguments: false,
      checkpoint: { lines: 1000, ms: 60_000 },
      maxBytes: 104_857_600,
    },
    logLevel: 'info',
    limits: {
      maxBodyBytes: 1_048_576,
      maxBodyKeys: 10_000,
      maxBodyDepth: 100,
      maxHeaderBytes: 16_384,
      maxConnections: 10_000,
      maxConnectionsPerAddress: 1000,
      maxConnectionsPerIdentity: 1000,
      maxRequestsPerIdentity: 1000,
      handshakeTimeout: 5000,
      excessPenalty: 10_000,
      headersTimeout: 10_000,
      idleTimeout: 60_000,
      drainTimeout: 10_000,
    },
  })
})

/** Another value than the default, for each kind of setting. */
const others: Readonly<Record<string, string>> = {
  boolean: '',
  port: '1234',
  count: '77',
  duration: '7s',
  text: 'other.example',
  secret: 'a secret',
  path: 'other',
  url: 'https://other.example/api',
  list: 'other.example',
  domains: 'other.example=other',
  checkpoint: '77,7s',
  size: '77k',
  keys: 'other,another',
}
/** Those that need a value of their own. */
const special: Partial<Record<SettingName, (cwd: string) => string>> = {
  host: () => '127.0.0.9',
  weatherUrl: () => 'https://other.example/mcp',
  datetimeUrl: () => 'https://other.example/mcp',
  echoUrl: () => 'https://other.example/mcp',
  keyPassphraseFile: (cwd) => {
    writeFileSync(join(cwd, 'passphrase'), 'a secret\n', { mode: 0o600 })
    return 'passphrase'
  },
}

test.each(settingNames)('%s is not only a row of the table: the settings are others with it', (name) => {
  const cwd = scratch()
  const { kind, default: standard }: Setting = settingTable[name]
  const choice = kind.choices?.find((one) => one !== standard)
  const flipped = kind.name === 'boolean' ? String(standard !== 'true') : others[kind.name]
  const value = special[name]?.(cwd) ?? choice ?? flipped ?? ''
  const settings = readSettings({ flags: { [name]: value }, cwd })
  expect(settings).not.toEqual(readSettings({ cwd }))
})

test('a limit of the table is a limit of servers, and the other way round', () => {
  expect(settingsOf('limits').sort()).toEqual([...limitNames].sort())
})

test('a flag wins over the environment, the environment over .env, .env over the default', () => {
  const dotenv = { MCP_HOST: '127.0.0.4', LOG_LEVEL: 'warn', MCP_TIMEOUT: '4s' }
  const env = { MCP_HOST: '127.0.0.3', LOG_LEVEL: 'error' }
  const settings = readSettings({ flags: { host: '127.0.0.2' }, env, dotenv })
  expect(settings).toMatchObject({ host: '127.0.0.2', logLevel: 'error', timeoutMs: 4000 })
})

test('URLs follow the TLS ports, and the HTTP ports when TLS is off', () => {
  const env = { WEATHER_MCP_TLS_PORT: '9443', WEATHER_MCP_PORT: '9081' }
  expect(readSettings({ env }).servers.weather.url).toBe('https://localhost:9443/mcp')
  const plain = readSettings({ env: { ...env, TLS_ENABLED: 'false' } })
  expect(plain.servers.weather.url).toBe('http://localhost:9081/mcp')
})

test.each([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
])('the boolean %s is %s', (text, expected) => {
  expect(readSettings({ env: { TLS_DEMO_MODE: text } }).tls.demoMode).toBe(expected)
})

test('an empty variable is one that is not set; an empty flag is a mistake', () => {
  expect(readSettings({ env: { MCP_HOST: '' }, dotenv: { MCP_HOST: '' } }).host).toBe('127.0.0.1')
  expect(refusal(() => readSettings({ flags: { host: '' } })).message).toContain('--host')
})

test('lists are separated by commas', () => {
  const env = { MCP_ALLOWED_HOSTS: 'a.example, b.example:8443,', MCP_ALLOWED_ORIGINS: 'https://a.example' }
  expect(readSettings({ env })).toMatchObject({
    allowedHosts: ['a.example', 'b.example:8443'],
    allowedOrigins: ['https://a.example'],
  })
})

test('relative paths start from the working directory', () => {
  const env = { TLS_CERT_DIR: 'x', TLS_CA_CERT: '../ca.pem', SECURITY_LOG: 'security.log' }
  expect(readSettings({ env, cwd: '/srv/app' })).toMatchObject({
    tls: { certDir: '/srv/app/x', caCert: '/srv/ca.pem' },
    securityLog: '/srv/app/security.log',
  })
})

test('a policy, a record and its key are files, but - is standard output', () => {
  const env = { MCP_POLICY: '../policy.yaml', AUDIT_LOG: 'audit.jsonl', AUDIT_KEY: 'keys/audit.key' }
  expect(readSettings({ env, cwd: '/srv/app' })).toMatchObject({
    policy: '/srv/policy.yaml',
    audit: { log: '/srv/app/audit.jsonl', key: '/srv/app/keys/audit.key' },
  })
  expect(readSettings({ env: { AUDIT_LOG: '-' }, cwd: '/srv/app' }).audit.log).toBe('-')
})

test('every problem is in one error: variable, flag, value, what is allowed', () => {
  const env = {
    TLS_DEMO_MODE: 'maybe',
    TLS_MIN_VERSION: 'TLSv1.1',
    WEATHER_MCP_TLS_PORT: '65536',
    MCP_TIMEOUT: 'soon',
    WEATHER_PROVIDER: 'oracle',
    MAX_BODY_BYTES: '1MB',
    MCP_ECHO_URL: 'http://localhost:8445/mcp',
    LLM_BASE_URL: 'http://llm.example/v1',
    OPEN_METEO_URL: 'nowhere',
    ECHO_MCP_PORT: '8445',
    AUDIT_ON_FAILURE: 'stop',
    AUDIT_MAX_BYTES: '10',
  }
  const error = refusal(() => readSettings({ env }))
  expect(error.code).toBe('CONFIG_INVALID')
  for (const part of [
    'TLS_DEMO_MODE (--demo-mode): "maybe": allowed are true, false, 1, 0',
    'TLS_MIN_VERSION (--min-version): "TLSv1.1": allowed are TLSv1.2, TLSv1.3',
    'WEATHER_MCP_TLS_PORT (--weather-mcp-tls-port): "65536": must be a port up to 65535, or 0',
    'MCP_TIMEOUT (--timeout): "soon": allowed are durations',
    'WEATHER_PROVIDER (--weather-provider): "oracle": allowed are auto, open-meteo, simulated',
    'MAX_BODY_BYTES (--max-body-bytes): "1MB": allowed are whole numbers above 0',
    'MCP_ECHO_URL (--echo-url): http://localhost:8445/mcp: use https://',
    'LLM_BASE_URL (--llm-base-url): "http://llm.example/v1": allowed are https:// URLs',
    'OPEN_METEO_URL (--open-meteo-url): "nowhere": a URL is wanted',
    'AUDIT_ON_FAILURE (--audit-on-failure): "stop": allowed are continue, deny',
    'AUDIT_MAX_BYTES (--audit-max-bytes): "10": allowed are sizes from 4096 bytes',
    'ECHO_MCP_TLS_PORT (--echo-mcp-tls-port): 8445 is also ECHO_MCP_PORT (--echo-mcp-port)',
  ])
    expect(error.message).toContain(part)
})

test('the same HTTP and TLS port is PORT_CONFLICT', () => {
  const env = { ECHO_MCP_PORT: '9000', ECHO_MCP_TLS_PORT: '9000' }
  expect(refusal(() => readSettings({ env })).code).toBe('PORT_CONFLICT')
})

test('http:// to the model and to Open-Meteo is fine on loopback', () => {
  const env = { LLM_BASE_URL: 'http://localhost:11434/v1', OPEN_METEO_URL: 'http://127.0.0.1:9999' }
  expect(readSettings({ env })).toMatchObject({
    llm: { baseUrl: 'http://localhost:11434/v1' },
    weather: { openMeteoUrl: 'http://127.0.0.1:9999' },
  })
})

test.each([
  ['demo mode', { TLS_DEMO_MODE: 'true' }, 'demo mode allows only loopback'],
  ['TLS off', { TLS_ENABLED: 'false', TLS_DEMO_ALLOW_REMOTE: 'true' }, 'without TLS only loopback'],
])('%s stays on loopback', (_, env, expected) => {
  const error = refusal(() => readSettings({ env: { ...env, MCP_HOST: '0.0.0.0' } }))
  expect(error.message).toContain(`MCP_HOST (--host): 0.0.0.0: ${expected}`)
})

test('a secret is kept to the letter and never shown', () => {
  expect(readSettings({ env: { TLS_KEY_PASSPHRASE: ' hunter2 ' } }).tls.keyPassphrase).toBe(' hunter2 ')
  const error = refusal(() =>
    readSettings({ env: { LLM_API_KEY: 'sk-1', LOG_LEVEL: 'x' }, flags: { keyPassphrase: '' } }),
  )
  expect(error.message).toContain('TLS_KEY_PASSPHRASE (--key-passphrase): may not be empty')
  expect(error.message).not.toContain('sk-1')
})

test('a .env file is read from the directory, and need not be there', () => {
  const directory = scratch()
  expect(readDotenv(directory)).toEqual({})
  writeFileSync(join(directory, '.env'), '# settings\nMCP_HOST="127.0.0.5" # here\nLOG_LEVEL=warn\n')
  expect(readDotenv(directory)).toMatchObject({ MCP_HOST: '127.0.0.5', LOG_LEVEL: 'warn' })
})
