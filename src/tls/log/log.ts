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
  const logger = pino(
    { ...format, level },
    isatty(2) ? { write: (line) => stderr.write(prettyLine(line)) } : escaped(stderr),
  )
  const opened = securityLog === undefined ? undefined : openFile(securityLog)
  const file = opened && pino({ ...format, level: 'trace' }, escaped(opened.destination))
  // One, where the security log is stderr.
  const destinations = new Set([
    ...(level === 'silent' ? [] : [stderr]),
    ...(opened ? [opened.destination] : []),
  ])
  // There each event is written once, whatever the level.
  const loggers = opened?.destination === stderr ? [file] : [logger, file]
  const write = (event: SecurityEvent, line: SecurityLine) => {
    // pino writes the time, and the message at the end; it leaves out what is undefined.
    const fields = { ...line, time: undefined, message: undefined }
    for (const one of loggers) one?.[eventKinds[event.event].severity](fields, line.message)
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
function escaped(destination: DestinationStream): DestinationStream {
  return { write: (line) => destination.write(`${printableJson(line.trimEnd())}\n`) }
}

interface Line {
  event: string
  message: string
  [field: string]: unknown
}
type SecurityLine = Readonly<Line>

/** One event as a flat record with snake_case names. What peers wrote is cut: a name may be as long as its author likes. */
export function securityLine(event: SecurityEvent): SecurityLine {
  const line: Line = { event: event.event, time: event.time.toISOString(), message: '' }
  addFields(line, event)
  for (const name in line) {
    const value = line[name]
    if (typeof value === 'string') line[name] = shortened(value)
  }
  const message = messageOf(event)
  // Of files of ours, with every path in it.
  line.message = event.event === 'reload-failed' ? message : shortened(message)
  return line
}

/** The line of a sum: that of the last, with how many there were. */
function sumLine({ count, address, last }: Repeated): SecurityLine {
  const line = securityLine(last)
  const from = address ?? 'many addresses'
  const message = `${count} more from ${from} within a second, the last: ${line.message}`
  return { ...line, peer_address: from, count, message }
}

/** One by one: every connection takes two lines, and to merge objects for each cost five times as much. */
function addFields(line: Line, event: SecurityEvent): void {
  line.side = event.side
  line.name = event.name
  line.mode = event.mode
  if ('peerAddress' in event) line.peer_address = event.peerAddress
  if ('reason' in event) line.reason = event.reason
  if ('relaxed' in event) line.relaxed = event.relaxed
  if ('durationMs' in event) {
    line.duration_ms = event.durationMs
    line.requests = event.requests
    line.bytes_read = event.bytesRead
    line.bytes_written = event.bytesWritten
  }
  if ('connection' in event) {
    const { connection } = event
    const { peerCertificate } = connection
    if (connection.verified) line.identity = connection.peer?.id
    line.subject = peerCertificate?.subject
    line.serial = peerCertificate?.serial
    line.fingerprint256 = peerCertificate?.fingerprint256
    line.not_after = peerCertificate?.notAfter.toISOString()
    line.tls_version = connection.tlsVersion
    line.cipher = connection.cipherSuite
    line.key_exchange = connection.keyExchange
    line.server_name = connection.serverName
    line.resumed = connection.resumed
  }
  if ('certificate' in event) {
    line.subject = event.certificate.subject
    line.serial = event.certificate.serial
    line.not_after = event.certificate.notAfter.toISOString()
  }
  if ('what' in event) {
    line.what = event.what
    line.subject = event.subject
    line.not_after = event.notAfter.toISOString()
    line.days_left = event.daysLeft
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
