import { isatty } from 'node:tty'
import { type Logger, pino } from 'pino'
import { printableJson } from '../../text/printable.js'
import { shortened } from '../../text/shortened.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import {
  type EventBase,
  type Expiring,
  eventKinds,
  type PeerEvent,
  type SecurityEvent,
  type Subscriber,
} from '../events.js'
import type { Usage } from '../peer/connection.js'
import type { LogProblem } from './destination.js'
import { prettyLine } from './pretty.js'
import { RefusalSums, type Repeated } from './refusal-sums.js'
import { openFile, standardDestination } from './shared-destinations.js'

/** Where the log goes. */
export interface LogOptions {
  /** The least severe line that stderr gets: `trace`, `debug`, `info`, `warn`, `error`, `fatal`, or `silent` for none; default `info`. */
  readonly level?: string | undefined
  /** A file that gets every security event, whatever the level; default none. */
  readonly securityLog?: string | undefined
}

/** The log of one process: JSON lines on stderr (readable ones on a terminal), and security events to a file of their own if wanted. */
export interface Log {
  readonly logger: Logger
  readonly onSecurityEvent: Subscriber
  /** Why lines wait, are missing, or still go to the old file. */
  problems(): readonly LogProblem[]
  /** How many lines found no room so far; of those on stderr, in this whole process. */
  dropped(): number
  /** Goes on in a new file after the old one was renamed. Where that fails, `problems` says so. */
  reopen(): void
  /** Writes what waits, as far as that is possible now, and closes the file. What comes later is not written. */
  close(): void
}

const format = { base: null, timestamp: pino.stdTimeFunctions.isoTime } as const

/** Throws `CONFIG_INVALID` when the file cannot be written. */
export function openLog({ level = 'info', securityLog }: LogOptions = {}): Log {
  const stderr = standardDestination(2)
  const stream = isatty(2)
    ? { write: (line: string) => stderr.write(prettyLine(line)) }
    : { write: (line: string) => stderr.write(escaped(line)) }
  const logger = pino({ ...format, level }, stream)
  const opened = securityLog === undefined ? undefined : openFile(securityLog)
  const file = opened?.destination
  // One, where the security log is stderr.
  const destinations = new Set([...(level === 'silent' ? [] : [stderr]), ...(file ? [file] : [])])
  const isWanted = ({ event }: SecurityEvent) =>
    file !== undefined || logger.isLevelEnabled(eventKinds[event].severity)
  // As pino would write it, in one step: every connection has two lines.
  const write = (fields: SecurityLine) => {
    const line = JSON.stringify(fields)
    // There each event is written once, whatever the level.
    if (file !== stderr && logger.isLevelEnabled(eventKinds[fields.event].severity)) stream.write(line)
    file?.write(escaped(line))
  }
  const sums = new RefusalSums((repeated) => write(sumLine(repeated)))
  const waiting: SecurityEvent[] = []
  const flush = () => {
    for (const event of waiting.splice(0)) write(securityLine(event))
  }
  const close = () => {
    if (!atExit.delete(close)) return
    flush()
    sums.flush()
    stderr.flush()
    opened?.close()
  }
  atExit.add(close)
  return {
    logger,
    onSecurityEvent: (event) => {
      if (!atExit.has(close) || !isWanted(event) || !sums.takes(event)) return
      // Whoever is served now does not wait for it.
      if (waiting.push(event) === 1) setImmediate(flush)
    },
    problems: () =>
      [...destinations].map(({ problem }) => problem).filter((problem) => problem !== undefined),
    dropped: () => [...destinations].reduce((sum, { dropped }) => sum + dropped, 0),
    reopen: () => {
      if (atExit.has(close)) opened?.reopen()
    },
    close,
  }
}

/** What logs have not written when the process ends. */
const atExit = new Set<() => void>()
process.once('exit', () => {
  for (const close of [...atExit]) close()
})

/** JSON leaves some control characters as they are; names of peers may hold them, and terminals obey them. */
function escaped(line: string): string {
  return `${printableJson(line.trimEnd())}\n`
}

/** The fields of a line; JSON leaves out what is undefined. */
interface SecurityLine {
  readonly event: SecurityEvent['event']
  readonly msg: string
  readonly [field: string]: unknown
}

/** What any event may have. */
type AnyEvent = Pick<SecurityEvent, 'event'> &
  EventBase &
  Partial<PeerEvent & Usage & Expiring> & {
    readonly reason?: string
    readonly relaxed?: readonly string[]
    readonly certificate?: CertificateFacts
  }

/** What lines tell of a certificate. */
interface CertificateLine {
  readonly subject: string
  readonly serial: string
  readonly fingerprint256: string
  readonly not_after: string
}
const certificateLines = new WeakMap<CertificateFacts, CertificateLine>()

/** Put into words once: every connection tells of the same certificates. */
function certificateLine(certificate: CertificateFacts): CertificateLine {
  const known = certificateLines.get(certificate)
  if (known) return known
  const { subject, serial, fingerprint256, notAfter } = certificate
  const line = {
    subject: shortened(subject),
    serial: shortened(serial),
    fingerprint256,
    not_after: notAfter.toISOString(),
  }
  certificateLines.set(certificate, line)
  return line
}

/**
 * One event as a flat record with snake_case names. What peers wrote is cut: a name may be as long as its author likes.
 * All of one shape, without spreading: every connection has two lines.
 */
export function securityLine(event: SecurityEvent): SecurityLine {
  const any: AnyEvent = event
  const { connection } = any
  const peer = connection?.peerCertificate && certificateLine(connection.peerCertificate)
  const shown = peer ?? (any.certificate && certificateLine(any.certificate))
  const message = messageOf(event)
  return {
    level: pino.levels.values[eventKinds[event.event].severity],
    time: timeText(any.time),
    event: event.event,
    side: any.side,
    name: shortened(any.name),
    mode: any.mode,
    peer_address: any.peerAddress,
    reason: any.reason,
    relaxed: any.relaxed,
    duration_ms: any.durationMs,
    requests: any.requests,
    bytes_read: any.bytesRead,
    bytes_written: any.bytesWritten,
    identity: connection?.verified ? cut(connection.peer?.id) : undefined,
    what: any.what,
    subject: shown ? shown.subject : cut(any.subject),
    serial: shown?.serial,
    fingerprint256: peer?.fingerprint256,
    not_after: shown ? shown.not_after : any.notAfter?.toISOString(),
    days_left: any.daysLeft,
    tls_version: connection?.tlsVersion,
    cipher: connection?.cipherSuite,
    key_exchange: connection?.keyExchange,
    server_name: cut(connection?.serverName),
    resumed: connection?.resumed,
    // Of files of ours, with every path in it.
    msg: event.event === 'reload-failed' ? message : shortened(message),
  }
}

let second = Number.NaN
let secondText = ''

/** In ISO 8601. What is the same for all of a second is put into words once. */
function timeText(time: Date): string {
  const milliseconds = time.getTime()
  const begun = Math.floor(milliseconds / 1000)
  if (begun !== second) {
    second = begun
    secondText = time.toISOString().slice(0, -4)
  }
  return `${secondText}${String(milliseconds - begun * 1000).padStart(3, '0')}Z`
}

function cut(text: string | undefined): string | undefined {
  return text === undefined ? undefined : shortened(text)
}

/** The line of a sum: that of the last, with how many there were. */
function sumLine({ count, address, last }: Repeated): SecurityLine {
  const line = securityLine(last)
  const from = address ?? 'many addresses'
  const msg = `${count} more from ${from} within a second, the last: ${line.msg}`
  return { ...line, time: new Date().toISOString(), peer_address: from, count, msg }
}

function messageOf(event: SecurityEvent): string {
  switch (event.event) {
    case 'connection-accepted':
      return `${event.side === 'server' ? 'client' : 'server'} accepted: ${event.connection.peer?.id}`
    case 'verification-relaxed':
      return `demo mode let ${event.connection.peer?.id} pass: ${event.relaxed.join(', ')}`
    case 'reload-succeeded':
      return `new certificates taken up: ${event.certificate.subject}`
    case 'connection-closed':
      return 'connection closed'
    default:
      return event.message
  }
}
