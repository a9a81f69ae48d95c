import { crlMissingChoices, logLevels, onFailureChoices, tlsVersions, weatherProviders } from './choices.js'
import {
  booleanText,
  checkpointText,
  choiceText,
  countText,
  durationText,
  type Kind,
  keysText,
  listText,
  pathText,
  plainText,
  portText,
  secretText,
  serverUrlText,
  sizeText,
  trustDomainsText,
  urlText,
} from './setting-kinds.js'

export type SettingGroup = 'tls' | 'listen' | 'limits' | 'policy' | 'call' | 'weather' | 'model' | 'log'

/** One setting: its variable, its kind, its default, and what it means. */
export interface Setting<Value = unknown> {
  readonly variable: string
  readonly group: SettingGroup
  readonly kind: Kind<Value>
  /**
   * As a person would write it; absent when there is no default, or one that depends on other settings (help says
   * which).
   */
  readonly default?: string
  readonly help: string
}

/**
 * All settings. The key is the name in code and, in kebab case, the flag. Flags, help, `docs/configuration.md` and
 * `.env.example` follow this table.
 */
export const settingTable = {
  tlsEnabled: set(
    'TLS_ENABLED',
    'tls',
    booleanText,
    'mutual TLS; false: plain HTTP, on loopback only',
    'true',
  ),
  demoMode: set(
    'TLS_DEMO_MODE',
    'tls',
    booleanText,
    'accept issuers and names that cannot be verified',
    'false',
  ),
  demoAllowRemote: set('TLS_DEMO_ALLOW_REMOTE', 'tls', booleanText, 'demo mode beyond loopback', 'false'),
  certDir: set('TLS_CERT_DIR', 'tls', pathText, 'directory of certificates and keys', './certs'),
  caCert: set('TLS_CA_CERT', 'tls', pathText, 'CA certificates to trust (default: ca.crt in the directory)'),
  trustDomains: set(
    'TLS_TRUST_DOMAINS',
    'tls',
    trustDomainsText,
    'CA certificates to trust too, each bound to the trust domain whose SPIFFE IDs it may give (a domain may stand twice)',
  ),
  serverCert: set('TLS_SERVER_CERT', 'tls', pathText, 'certificate of servers (default: server.crt)'),
  serverKey: set('TLS_SERVER_KEY', 'tls', pathText, 'key of servers (default: server.key)'),
  clientCert: set('TLS_CLIENT_CERT', 'tls', pathText, 'certificate of clients (default: client.crt)'),
  clientKey: set('TLS_CLIENT_KEY', 'tls', pathText, 'key of clients (default: client.key)'),
  keyPassphraseFile: set(
    'TLS_KEY_PASSPHRASE_FILE',
    'tls',
    pathText,
    'file with the passphrase of an encrypted key, instead',
  ),
  keyPassphrase: set(
    'TLS_KEY_PASSPHRASE',
    'tls',
    secretText,
    'passphrase of an encrypted key (others can see flags: prefer the variable)',
  ),
  crl: set('TLS_CRL', 'tls', pathText, 'revocation list (default: ca.crl beside the CA when it exists)'),
  crlMissing: set(
    'TLS_CRL_MISSING',
    'tls',
    choiceText(crlMissingChoices),
    'when a revocation list that was there is gone: refuse everyone, or allow',
    'refuse',
  ),
  ticketKeys: set(
    'TLS_TICKET_KEYS',
    'tls',
    pathText,
    'file with the secret of session tickets, for several processes of one server (default: each has its own)',
  ),
  minVersion: set('TLS_MIN_VERSION', 'tls', choiceText(tlsVersions), 'oldest TLS version spoken', 'TLSv1.2'),

  host: set('MCP_HOST', 'listen', plainText, 'address servers listen on', '127.0.0.1'),
  allowedHosts: set(
    'MCP_ALLOWED_HOSTS',
    'listen',
    listText,
    'Host headers served (default: loopback names and the names in the server certificate)',
  ),
  allowedOrigins: set(
    'MCP_ALLOWED_ORIGINS',
    'listen',
    listText,
    "origins whose pages may call, and get CORS headers (default: the server's own)",
  ),
  healthPort: set(
    'HEALTH_PORT',
    'listen',
    portText,
    'loopback port for /health without a certificate (default: off)',
  ),
  sessions: set(
    'MCP_SESSIONS',
    'listen',
    booleanText,
    'sessions for MCP revisions up to 2025-11-25: servers can ask their client, and tell it of changes',
    'false',
  ),
  sessionIdle: set(
    'MCP_SESSION_IDLE',
    'listen',
    durationText,
    'how long a session may have no request and no stream',
    '5m',
  ),
  maxSessions: set('MCP_MAX_SESSIONS', 'listen', countText, 'sessions of one server', '10000'),
  maxSessionsPerIdentity: set(
    'MCP_MAX_SESSIONS_PER_IDENTITY',
    'listen',
    countText,
    'sessions of one identity, whose streams count as requests',
    '500',
  ),
  weatherMcpPort: set('WEATHER_MCP_PORT', 'listen', portText, 'HTTP port of weather', '8081'),
  weatherMcpTlsPort: set('WEATHER_MCP_TLS_PORT', 'listen', portText, 'TLS port of weather', '8443'),
  datetimeMcpPort: set('DATETIME_MCP_PORT', 'listen', portText, 'HTTP port of datetime', '8082'),
  datetimeMcpTlsPort: set('DATETIME_MCP_TLS_PORT', 'listen', portText, 'TLS port of datetime', '8444'),
  echoMcpPort: set('ECHO_MCP_PORT', 'listen', portText, 'HTTP port of echo', '8083'),
  echoMcpTlsPort: set('ECHO_MCP_TLS_PORT', 'listen', portText, 'TLS port of echo', '8445'),

  maxBodyBytes: set('MAX_BODY_BYTES', 'limits', countText, 'largest request body', '1048576'),
  maxBodyKeys: set('MAX_BODY_KEYS', 'limits', countText, 'keys in all objects of a request body', '10000'),
  maxBodyDepth: set(
    'MAX_BODY_DEPTH',
    'limits',
    countText,
    'objects and arrays of a request body in each other',
    '100',
  ),
  maxHeaderBytes: set('MAX_HEADER_BYTES', 'limits', countText, 'largest request head', '16384'),
  maxConnections: set('MAX_CONNECTIONS', 'limits', countText, 'connections of one server', '10000'),
  maxConnectionsPerAddress: set(
    'MAX_CONNECTIONS_PER_ADDRESS',
    'limits',
    countText,
    'connections of one address before their handshake is done',
    '1000',
  ),
  maxConnectionsPerIdentity: set(
    'MAX_CONNECTIONS_PER_IDENTITY',
    'limits',
    countText,
    'connections of one identity',
    '1000',
  ),
  maxRequestsPerIdentity: set(
    'MAX_REQUESTS_PER_IDENTITY',
    'limits',
    countText,
    'calls and open streams of one identity at once',
    '1000',
  ),
  handshakeTimeout: set('HANDSHAKE_TIMEOUT', 'limits', durationText, 'time for a TLS handshake', '5s'),
  excessPenalty: set(
    'EXCESS_PENALTY',
    'limits',
    durationText,
    'how long an address is closed out that showed certificates made to cost time',
    '10s',
  ),
  headersTimeout: set('HEADERS_TIMEOUT', 'limits', durationText, 'time for the head of a request', '10s'),
  idleTimeout: set('IDLE_TIMEOUT', 'limits', durationText, 'how long a connection may be silent', '60s'),
  drainTimeout: set('DRAIN_TIMEOUT', 'limits', durationText, 'time for calls in flight at the end', '10s'),

  policy: set(
    'MCP_POLICY',
    'policy',
    pathText,
    'file that says who may call what (default: every verified peer may call everything)',
  ),
  auditLog: set(
    'AUDIT_LOG',
    'policy',
    pathText,
    'file that calls are recorded in, or - for standard output (default: they are not)',
  ),
  auditOnFailure: set(
    'AUDIT_ON_FAILURE',
    'policy',
    choiceText(onFailureChoices),
    'calls that cannot be recorded: continue, or deny them',
    'continue',
  ),
  auditArguments: set(
    'AUDIT_ARGUMENTS',
    'policy',
    booleanText,
    'record arguments too, beside their HMAC',
    'false',
  ),
  auditRedact: set(
    'AUDIT_REDACT',
    'policy',
    keysText,
    'keys of arguments whose values are left out (default: usual names of passwords, PINs, tokens and keys)',
  ),
  auditCheckpoint: set(
    'AUDIT_CHECKPOINT',
    'policy',
    checkpointText,
    'lines, time, or both, after which a signed checkpoint is made',
    '1000,60s',
  ),
  auditMaxBytes: set(
    'AUDIT_MAX_BYTES',
    'policy',
    sizeText,
    'size at which a file of the record ends and the next begins',
    '100MiB',
  ),
  auditKey: set(
    'AUDIT_KEY',
    'policy',
    pathText,
    'private key (Ed25519) that signs checkpoints (default: the path of the record and .key, which is made)',
  ),

  weatherUrl: set(
    'MCP_WEATHER_URL',
    'call',
    serverUrlText,
    'URL of weather (default: https://localhost:PORT/mcp with its TLS port)',
  ),
  datetimeUrl: set('MCP_DATETIME_URL', 'call', serverUrlText, 'URL of datetime (default likewise)'),
  echoUrl: set('MCP_ECHO_URL', 'call', serverUrlText, 'URL of echo (default likewise)'),
  timeout: set('MCP_TIMEOUT', 'call', durationText, 'time for a question or a call', '30s'),
  maxAnswerBytes: set('MAX_ANSWER_BYTES', 'call', countText, 'largest answer of a server', '10485760'),

  weatherProvider: set(
    'WEATHER_PROVIDER',
    'weather',
    choiceText(weatherProviders),
    'where weather comes from; auto: open-meteo when reachable, otherwise simulated',
    'auto',
  ),
  openMeteoUrl: set(
    'OPEN_METEO_URL',
    'weather',
    urlText,
    'Open-Meteo API to ask (http:// on loopback only)',
    'https://api.open-meteo.com',
  ),

  llmBaseUrl: set('LLM_BASE_URL', 'model', urlText, 'OpenAI-compatible endpoint (http:// on loopback only)'),
  llmApiKey: set('LLM_API_KEY', 'model', secretText, 'key for that endpoint'),
  llmModel: set('LLM_MODEL', 'model', plainText, 'model to plan with'),
  openrouterApiKey: set('OPENROUTER_API_KEY', 'model', secretText, 'key for OpenRouter'),

  logLevel: set('LOG_LEVEL', 'log', choiceText(logLevels), 'least severe log line written', 'info'),
  securityLog: set('SECURITY_LOG', 'log', pathText, 'file for security events, beside the log on stderr'),
} as const

export type SettingName = keyof typeof settingTable
/** The value of each setting; undefined when none was given and there is no default. */
export type SettingValues = {
  readonly [Name in SettingName]: (typeof settingTable)[Name] extends Setting<infer Value>
    ? (typeof settingTable)[Name] extends { readonly default: string }
      ? Value
      : Value | undefined
    : never
}

export const settingNames = Object.keys(settingTable) as SettingName[]

/** The settings of these groups, for commands that take them all. */
export function settingsOf(...groups: SettingGroup[]): SettingName[] {
  return settingNames.filter((name) => groups.includes(settingTable[name].group))
}

/** `certDir` → `--cert-dir`. */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

function set<Value>(variable: string, group: SettingGroup, kind: Kind<Value>, help: string): Setting<Value>
function set<Value>(
  variable: string,
  group: SettingGroup,
  kind: Kind<Value>,
  help: string,
  standard: string,
): Setting<Value> & { readonly default: string }
function set(variable: string, group: SettingGroup, kind: Kind<unknown>, help: string, standard?: string) {
  return { variable, group, kind, help, ...(standard === undefined ? {} : { default: standard }) }
}
