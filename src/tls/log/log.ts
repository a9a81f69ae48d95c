import { isatty } from 'node:tty'
import { type DestinationStream, type Logger, pino } from 'pino'
import { printableJson } from '../../text/printable.js'
import { shortened } from '../../text/shortened.js'
import { eventKinds, type SecurityEvent, type Subscriber } from '../events.js'
import type { LogProblem } from './destination.js'
import { prettyLine } from './pretty.js'
import { RefusalSums, type Repeated } from './refusal-sums.js'
import { openFile, standardDestination } from './shared-destinations.js'

/** Where the log goes. */
export interface LogOptions {
  /**
   * The minimum level for stderr: `trace`, `debug`, `info`, `warn`, `error`, `fatal`, or `silent` for none; default
   * `info`.
   */
  readonly level?: string
  /** A file that gets every security event, at any level; default none. */
  readonly securityLog?: string
}

/**
 * The log of one process: JSON lines on stderr (readable ones on a terminal), and optionally security events to a
 * separate file.
 */
export interface Log {
  readonly logger: Logger
  readonly onSecurityEvent: Subscriber
  /** Why lines wait, are missing, or still go to the old file. */
  problems(): readonly LogProblem[]
  /** Lines dropped so far; of those on stderr, in this whole process. */
  dropped(): number
  /** Continues in a new file after the old one was renamed. If that fails, `problems` says so. */
  reopen(): void
  /** Writes waiting lines, as far as possible now, and closes the file. Later lines are not written. */
  close(): void
}

const format = { base: null, timestamp: pino.stdTimeFunctions.isoTime } as const

/** Throws `CONFIG_INVALID` when the file cannot be written. */
export function openLog({ level = 'info', securityLog }: LogOptions = {}): Log {
  const stderr = standardDestination(2)
  const logger = pino(
    { ...format, level },
    isatty(2) ? { write: (line) => stderr.write(prettyLine(line)) } : escaped(stderr),
  )
  const opened = securityLog === undefined ? undefined : openFile(securityLog)
  const file = opened && pino({ ...format, level: 'trace' }, escaped(opened.destination))
  // One destination if the security log is stderr.
  const destinations = new Set([
    ...(level === 'silent' ? [] : [stderr]),
    ...(opened ? [opened.destination] : []),
  ])
  // Each event is written there once, at any level.
  const loggers = opened?.destination === stderr ? [file] : [logger, file]
  const write = (event: SecurityEvent, { message, time: _time, ...fields }: SecurityLine) => {
    for (const one of loggers) one?.[eventKinds[event.event].severity](fields, message) // pino writes the time
  }
  const sums = new RefusalSums((repeated) => write(repeated.last, sumLine(repeated)))
  const waiting: SecurityEvent[] = []
  const flush = () => {
    for (const event of waiting.splice(0)) write(event, securityLine(event))
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
      if (!atExit.has(close) || !sums.takes(event)) return
      // A request being served does not wait for it.
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
function escaped(destination: DestinationStream): DestinationStream {
  return { write: (line) => destination.write(`${printableJson(line.trimEnd())}\n`) }
}

interface SecurityLine {
  readonly event: string
  readonly message: string
  readonly [field: string]: unknown
}

/** One event as a flat record with snake_case names. Text from peers is cut: a name may have any length. */
export function securityLine(event: SecurityEvent): SecurityLine {
  const fields = fieldsOf(event)
  const cut = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === 'string' ? shortened(value) : value,
  ])
  // About our own files, with every path in it.
  return {
    ...Object.fromEntries(cut),
    event: event.event,
    message: event.event === 'reload-failed' ? fields.message : shortened(fields.message),
  }
}

/** The line of a sum: the line of the last event, with the count. */
function sumLine({ count, address, last }: Repeated): SecurityLine {
  const line = securityLine(last)
  const from = address ?? 'many addresses'
  const message = `${count} more from ${from} within a second, the last: ${line.message}`
  return { ...line, peer_address: from, count, message }
}

function fieldsOf(event: SecurityEvent): SecurityLine {
  const { time, side, name, mode } = event
  return {
    event: event.event,
    time: time.toISOString(),
    side,
    name,
    mode,
    ...('peerAddress' in event && { peer_address: event.peerAddress }),
    ...('reason' in event && { reason: event.reason }),
    ...('relaxed' in event && { relaxed: event.relaxed }),
    ...('durationMs' in event && {
      duration_ms: event.durationMs,
      requests: event.requests,
      bytes_read: event.bytesRead,
      bytes_written: event.bytesWritten,
    }),
    ...('connection' in event && {
      ...(event.connection.verified && { identity: event.connection.peer?.id }),
      subject: event.connection.peerCertificate?.subject,
      serial: event.connection.peerCertificate?.serial,
      fingerprint256: event.connection.peerCertificate?.fingerprint256,
      not_after: event.connection.peerCertificate?.notAfter.toISOString(),
      tls_version: event.connection.tlsVersion,
      cipher: event.connection.cipherSuite,
      key_exchange: event.connection.keyExchange,
      server_name: event.connection.serverName,
      resumed: event.connection.resumed,
    }),
    ...('certificate' in event && {
      subject: event.certificate.subject,
      serial: event.certificate.serial,
      not_after: event.certificate.notAfter.toISOString(),
    }),
    ...('what' in event && {
      what: event.what,
      subject: event.subject,
      not_after: event.notAfter.toISOString(),
      days_left: event.daysLeft,
    }),
    message: messageOf(event),
  }
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
