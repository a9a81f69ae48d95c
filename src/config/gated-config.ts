import { z } from 'zod'
import { liveServerProblems } from './live-options.js'
import { type Problem, parse, problemsIn, rejectProblems } from './problems.js'
import { isOptions } from './right-call.js'
import { type McpServerConfig, type ParsedServer, parseServerConfig, serverSchema } from './server-config.js'
import { flag } from './values.js'

/** Where to listen; what is missing stands in the options. */
export interface Place {
  readonly host?: string | undefined
  readonly port?: number | undefined
}

/** One server for a listener of the application. Its files are looked at where it begins to listen. */
export interface GatedConfig {
  readonly options: ParsedServer
  /** Whether connections may be upgraded to another protocol. */
  readonly upgrade: boolean
  /** Whether the pages for operators are on the TLS port. */
  readonly health: boolean
  /** Throws what `parseServerConfig` throws. */
  at(place: Place): McpServerConfig
}

const ownSchema = z.strictObject({ upgrade: flag.default(false), health: flag.default(false) })

const notReadHere =
  'the messages of its listener are not ours to read: use serve(), or identityOf(request) in the listener'
const noTls = 'there is no such option here: a server without TLS is what createServer of node:http makes'
const bodyIsTheirs = 'the listener reads the bodies: limit them there'

const noSessions = 'sessions are those of MCP: use serve()'

/** Options that `serve` has, and a server for any listener cannot have. */
const refusedOptions = {
  policy: notReadHere,
  auditLog: notReadHere,
  audit: notReadHere,
  sessions: noSessions,
  tlsEnabled: noTls,
  httpPort: noTls,
}
const refusedLimits = {
  maxBodyBytes: bodyIsTheirs,
  maxBodyKeys: bodyIsTheirs,
  maxBodyDepth: bodyIsTheirs,
}

/** Throws `CONFIG_INVALID`, or `PORT_CONFLICT`, with everything that is wrong. Looks at no file. */
export function parseGatedOptions(input: object): GatedConfig {
  const { upgrade, health, log, onSecurityEvent, watch, expiryWarningDays, ...others } = input as Record<
    string,
    unknown
  >
  const server = Object.fromEntries(Object.entries(others).filter(([name]) => !(name in refusedOptions)))
  const live = { log, onSecurityEvent, watch, expiryWarningDays }
  rejectProblems('options of createMtlsServer', [
    ...refused(others, refusedOptions),
    ...refused(others.limits, refusedLimits, 'limits.'),
    ...problemsIn(serverSchema, server),
    ...problemsIn(ownSchema, { upgrade, health }),
    ...liveServerProblems(live),
  ])
  const options = parse(serverSchema, 'server options', server)
  return {
    ...parse(ownSchema, 'server options', { upgrade, health }),
    options,
    at({ host = options.host, port = options.tlsPort ?? options.tls.port ?? 0 }) {
      const tls = { ...options.tls, port: undefined }
      return parseServerConfig({ ...options, host, tlsPort: port, tls })
    },
  }
}

function refused(input: unknown, names: Readonly<Record<string, string>>, prefix = ''): Problem[] {
  if (!isOptions(input)) return []
  return Object.entries(names)
    .filter(([name]) => (input as Record<string, unknown>)[name] !== undefined)
    .map(([name, text]) => ({ setting: `${prefix}${name}`, text }))
}
