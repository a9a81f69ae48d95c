import { dirname } from 'node:path'
import { isatty } from 'node:tty'
import { type DestinationStream, type Logger, pino } from 'pino'
import { MtlsError } from '../errors.js'
import { makeDirectories } from '../files/make-directory.js'
import { shortened } from '../text/shortened.js'
import { escapeControl } from './escape-control.js'
import type { SecurityEvent, Subscriber } from './events.js'
import { prettyLine } from './pretty.js'

export interface LogOptions {
  /** Of the lines on stderr; `silent` writes none. Default `info`. */
  readonly level?: string
  /** A file that gets every security event, whatever the level. */
  readonly securityLog?: string
}

/** The log of one process: JSON lines on stderr (readable ones on a terminal), and security events to a file of their own if wanted. */
export interface Log {
  readonly logger: Logger
  readonly onSecurityEvent: Subscriber
}

/** Throws `CONFIG_INVALID` when the file cannot be written. */
export function openLog({ level = 'info', securityLog }: LogOptions = {}): Log {
  // Written at once: a line about a refused peer must not be lost with the process.
  const stderr = pino.destination({ dest: 2, sync: true })
  const logger = pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    isatty(2) ? { write: (line) => stderr.write(prettyLine(line)) } : escaped(stderr),
  )
  const file = securityLog === undefined ? undefined : openFile(securityLog)
  return {
    logger,
    onSecurityEvent: (event) => {
      const { message, time: _time, ...fields } = securityLine(event) // pino writes the time
      logger[severity(event)](fields, message)
      file?.[severity(event)](fields, message)
    },
  }
}

function openFile(path: string): Logger {
  try {
    makeDirectories(dirname(path))
    return pino(
      { level: 'trace', base: null, timestamp: pino.stdTimeFunctions.isoTime },
      escaped(pino.destination({ dest: path, sync: true, append: true, mode: 0o600 })),
    )
  } catch (cause) {
    throw new MtlsError(
      'CONFIG_INVALID',
      `SECURITY_LOG: ${path} cannot be written (${(cause as NodeJS.ErrnoException).code})`,
      { cause },
    )
  }
}

/** JSON leaves some control characters as they are; names of peers may hold them, and terminals obey them. */
function escaped(destination: DestinationStream): DestinationStream {
  return { write: (line) => destination.write(`${escapeControl(line.trimEnd())}\n`) }
}

function severity({ event }: SecurityEvent): 'info' | 'warn' | 'error' {
  if (event === 'reload-failed') return 'error'
  return /^(connection-accepted|connection-closed|reload-succeeded)$/.test(event) ? 'info' : 'warn'
}

interface SecurityLine {
  readonly event: string
  readonly message: string
  readonly [field: string]: unknown
}

/** One event as a flat record with snake_case names. What peers wrote is cut: a name may be as long as its author likes. */
export function securityLine(event: SecurityEvent): SecurityLine {
  const fields = fieldsOf(event)
  const cut = Object.entries(fields).map(([name, value]) => [
    name,
    typeof value === 'string' ? shortened(value) : value,
  ])
  // Of files of ours, with every path in it.
  return {
    ...Object.fromEntries(cut),
    event: event.event,
    message: event.event === 'reload-failed' ? fields.message : shortened(fields.message),
  }
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
