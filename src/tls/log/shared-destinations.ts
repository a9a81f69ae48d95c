import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { isatty } from 'node:tty'
import { MtlsError } from '../../errors.js'
import { makeDirectories } from '../../files/make-directory.js'
import { openStandard } from '../../files/standard-output.js'
import { LogDestination, openAppending } from './destination.js'
import { prettyLine } from './pretty.js'

/** The destinations of all logs of this process: logs that go to the same file share one, so that lines stay whole. */
const standards = new Map<1 | 2, LogDestination>()
const files = new Map<string, { readonly destination: LogDestination; users: number }>()

/** Standard output (1) or error (2). It stays open. */
export function standardDestination(descriptor: 1 | 2): LogDestination {
  const known = standards.get(descriptor)
  if (known) return known
  const destination = new LogDestination({
    name: `the log on ${descriptor === 1 ? 'stdout' : 'stderr'}`,
    open: () => openStandard(descriptor),
    lineOf: isatty(descriptor) ? (dropped) => prettyLine(droppedLine(dropped)) : droppedLine,
  })
  standards.set(descriptor, destination)
  return destination
}

export interface OpenFile {
  readonly destination: LogDestination
  reopen(): void
  /** Writes waiting lines; the last user closes the file. */
  close(): void
}

/**
 * A file for security events, created with its directory if missing. Throws `CONFIG_INVALID` when it cannot be written.
 */
export function openFile(path: string): OpenFile {
  const standard = /^\/(?:dev\/std|(?:dev|proc\/self)\/fd\/)(out|err|1|2)$/.exec(path)?.[1]
  if (standard !== undefined) {
    // Opening it by name would fail if it is a socket.
    const destination = standardDestination(/out|1/.test(standard) ? 1 : 2)
    return { destination, reopen: () => {}, close: () => destination.flush() }
  }
  const file = files.get(path) ?? { destination: destinationOf(path), users: 0 }
  files.set(path, file)
  file.users++
  return {
    destination: file.destination,
    reopen: () => file.destination.reopen(),
    close: () => {
      file.destination.flush()
      if (--file.users > 0) return
      files.delete(path)
      file.destination.close()
    },
  }
}

function destinationOf(path: string): LogDestination {
  try {
    return new LogDestination({
      name: `SECURITY_LOG: ${path}`,
      open: () => {
        makeDirectories(dirname(path))
        return openAppending(path)
      },
      lineOf: droppedLine,
      onFailure: (code) => process.emitWarning(`security events could not be logged in ${path}: ${code}`),
    })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const isUnread = code === 'ENXIO' && statSync(path, { throwIfNoEntry: false })?.isFIFO()
    throw new MtlsError(
      'CONFIG_INVALID',
      isUnread
        ? `SECURITY_LOG: nobody reads the pipe ${path}`
        : `SECURITY_LOG: ${path} cannot be written (${code})`,
      { cause, ...(isUnread && { hint: 'Start what reads it first, or name a file.' }) },
    )
  }
}

/** In the format of the log. */
function droppedLine(dropped: number): string {
  const time = new Date().toISOString()
  const msg = `${dropped} lines of this log were dropped here: they could not be written in time`
  return `${JSON.stringify({ level: 40, time, event: 'log-dropped', dropped, msg })}\n`
}
