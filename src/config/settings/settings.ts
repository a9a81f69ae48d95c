import { resolve } from 'node:path'
import { placeOfRecord } from '../audit-options.js'
import { exposureProblem, serverUrlProblem, serviceUrlProblem, withMcpPath } from '../endpoint.js'
import { limitNames, type ParsedLimits } from '../limits.js'
import { originProblem } from '../origin.js'
import { passphraseFrom } from '../passphrase.js'
import { deepFreeze, type Problem, rejectProblems, shown } from '../problems.js'
import type { SessionLimits } from '../sessions.js'
import type { TlsOptions } from '../tls-options.js'
import {
  type logLevels,
  type onFailureChoices,
  type ServerName,
  serverNames,
  type weatherProviders,
} from './choices.js'
import {
  flagOf,
  type Setting,
  type SettingName,
  type SettingValues,
  settingNames,
  settingTable,
} from './setting-table.js'
import { defaultOf, schemaOf } from './setting-values.js'

/** The settings of the command line, from flags, environment, `.env` and defaults. */
export interface Settings {
  readonly tlsEnabled: boolean
  /** Ready for `serve` and `connect`; files are not checked yet. */
  readonly tls: TlsOptions & { readonly certDir: string; readonly demoMode: boolean }
  readonly host: string
  readonly allowedHosts?: string[]
  readonly allowedOrigins: string[]
  readonly healthPort?: number
  readonly servers: Readonly<Record<ServerName, { port: number; tlsPort: number; url: string }>>
  readonly timeoutMs: number
  readonly maxAnswerBytes: number
  readonly weather: { readonly provider: (typeof weatherProviders)[number]; readonly openMeteoUrl: string }
  readonly llm: {
    readonly baseUrl?: string
    readonly apiKey?: string
    readonly model?: string
    readonly openrouterApiKey?: string
  }
  readonly logLevel: (typeof logLevels)[number]
  readonly securityLog?: string
  readonly sessions: SessionLimits & { readonly enabled: boolean }
  readonly limits: ParsedLimits
  /** Path of the policy. */
  readonly policy?: string
  readonly audit: {
    /** Path of the record, or `-`. */
    readonly log?: string
    readonly onFailure: (typeof onFailureChoices)[number]
    readonly arguments: boolean
    readonly redact?: readonly string[]
    readonly checkpoint: { readonly lines?: number; readonly ms?: number }
    readonly maxBytes: number
    readonly key?: string
  }
}

export interface SettingSources {
  /** By setting name; `true` is a flag without a value. */
  readonly flags?: Readonly<Partial<Record<SettingName, string | boolean>>>
  readonly env?: Readonly<Record<string, string | undefined>>
  /** The variables of a `.env` file. */
  readonly dotenv?: Readonly<Record<string, string | undefined>>
  /** Relative paths start here. */
  readonly cwd?: string
}

/** Flag over environment over `.env` over default. Throws one `CONFIG_INVALID` with every problem. */
export function readSettings(sources: SettingSources): Settings {
  const { values, problems } = readValues(sources)
  const settings = settingsFrom(values, (path) => resolve(sources.cwd ?? '.', path))
  rejectProblems('settings', [...problems, ...rules(values, settings)])
  return deepFreeze(settings)
}

/** All values, with the default for invalid ones, so that the rules can check the rest. */
function readValues({ flags = {}, env = {}, dotenv = {} }: SettingSources) {
  const problems: Problem[] = []
  const entries = settingNames.map((name) => {
    const setting: Setting = settingTable[name]
    // An empty variable counts as not set, as in shells and compose files; an empty flag is a mistake.
    const given = flags[name] ?? (env[setting.variable] || dotenv[setting.variable] || undefined)
    const standard = setting.default === undefined ? undefined : defaultOf(name)
    if (given === undefined) return [name, standard]
    const result = schemaOf(setting.kind).safeParse(String(given))
    if (result.success) return [name, result.data]
    const value = setting.kind.name === 'secret' ? '' : `${shown(String(given), setting.variable)}: `
    const text = value + result.error.issues.map((issue) => issue.message).join(', ')
    problems.push({ setting: title(name), text })
    return [name, standard]
  })
  return { values: Object.fromEntries(entries) as SettingValues, problems }
}

function settingsFrom(values: SettingValues, absolute: (path: string) => string): Settings {
  const { tlsEnabled, caCert, serverCert, serverKey, clientCert, clientKey, crl, ticketKeys } = values
  const server = (port: number, tlsPort: number, url: string | undefined) => ({
    port,
    tlsPort,
    url: withMcpPath(url ?? (tlsEnabled ? `https://localhost:${tlsPort}` : `http://localhost:${port}`)),
  })
  return {
    tlsEnabled,
    tls: {
      certDir: absolute(values.certDir),
      ...Object.fromEntries(
        Object.entries({ caCert, serverCert, serverKey, clientCert, clientKey, crl, ticketKeys })
          .filter(([, path]) => path !== undefined)
          .map(([name, path]) => [name, absolute(String(path))]),
      ),
      ...given({
        trustDomains:
          values.trustDomains &&
          Object.fromEntries(
            Object.entries(values.trustDomains).map(([domain, files]) => [domain, files.map(absolute)]),
          ),
        keyPassphrase: passphraseFrom({
          keyPassphrase: values.keyPassphrase,
          keyPassphraseFile:
            values.keyPassphraseFile === undefined ? undefined : absolute(String(values.keyPassphraseFile)),
        }),
      }),
      crlMissing: values.crlMissing,
      demoMode: values.demoMode,
      demoAllowRemote: values.demoAllowRemote,
      minVersion: values.minVersion,
    },
    host: values.host,
    ...given({ allowedHosts: values.allowedHosts, healthPort: values.healthPort }),
    allowedOrigins: values.allowedOrigins ?? [],
    servers: {
      weather: server(values.weatherMcpPort, values.weatherMcpTlsPort, values.weatherUrl),
      datetime: server(values.datetimeMcpPort, values.datetimeMcpTlsPort, values.datetimeUrl),
      echo: server(values.echoMcpPort, values.echoMcpTlsPort, values.echoUrl),
    },
    timeoutMs: values.timeout,
    maxAnswerBytes: values.maxAnswerBytes,
    weather: { provider: values.weatherProvider, openMeteoUrl: values.openMeteoUrl },
    llm: given({
      baseUrl: values.llmBaseUrl,
      apiKey: values.llmApiKey,
      model: values.llmModel,
      openrouterApiKey: values.openrouterApiKey,
    }),
    logLevel: values.logLevel,
    ...given({ securityLog: values.securityLog === undefined ? undefined : absolute(values.securityLog) }),
    sessions: {
      enabled: values.sessions,
      idle: values.sessionIdle,
      max: values.maxSessions,
      maxPerIdentity: values.maxSessionsPerIdentity,
    },
    ...given({ policy: values.policy && absolute(values.policy) }),
    audit: {
      onFailure: values.auditOnFailure,
      arguments: values.auditArguments,
      checkpoint: values.auditCheckpoint,
      maxBytes: values.auditMaxBytes,
      ...given({
        log: values.auditLog && placeOfRecord(values.auditLog, absolute),
        redact: values.auditRedact,
        key: values.auditKey && absolute(values.auditKey),
      }),
    },
    limits: Object.fromEntries(limitNames.map((name) => [name, values[name]])) as Record<
      keyof ParsedLimits,
      number
    >,
  }
}

/** Rules that involve several settings. */
function rules(values: SettingValues, settings: Settings): Problem[] {
  const problems: Problem[] = []
  const add = (name: SettingName, text: string | undefined) => {
    if (text !== undefined) problems.push({ setting: title(name), text })
  }
  const exposure = {
    tls: values.tlsEnabled,
    demoMode: values.demoMode,
    demoAllowRemote: values.demoAllowRemote,
  }
  add('host', exposureProblem(values.host, exposure))
  for (const origin of values.allowedOrigins ?? []) add('allowedOrigins', originProblem(origin))
  for (const name of serverNames)
    if (values[`${name}Url`]) add(`${name}Url`, serverUrlProblem(settings.servers[name].url, exposure))
  for (const name of ['llmBaseUrl', 'openMeteoUrl'] as const)
    add(name, values[name] && serviceUrlProblem(values[name]))

  for (const name of serverNames) {
    const port = values[`${name}McpPort`]
    if (port !== 0 && port === values[`${name}McpTlsPort`])
      problems.push({
        code: 'PORT_CONFLICT',
        setting: title(`${name}McpTlsPort`),
        text: `${port} is also ${title(`${name}McpPort`)}`,
      })
  }
  return problems
}

function title(name: SettingName): string {
  return `${settingTable[name].variable} (${flagOf(name)})`
}

/** The members that have a value: an absent option and an undefined one differ here. */
function given<Values extends object>(
  values: Values,
): { [Name in keyof Values]?: NonNullable<Values[Name]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [Name in keyof Values]?: NonNullable<Values[Name]>
  }
}
