import { constants, fstatSync, openSync } from 'node:fs'
import { isatty } from 'node:tty'

const { O_WRONLY, O_APPEND, O_NONBLOCK, O_NOCTTY } = constants

/**
 * Opens standard output (1) or error (2). A pipe or terminal is opened again, so that other holders of it are not
 * affected; where that is impossible (a socket, a pipe of another user, no /proc), Node's own stream makes the
 * descriptor non-blocking.
 */
export function openStandard(descriptor: 1 | 2): number {
  const kind = fstatSync(descriptor)
  if (kind.isFIFO() || isatty(descriptor)) {
    try {
      return openSync(`/proc/self/fd/${descriptor}`, O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY)
    } catch {
      // uses the fallback below
    }
  }
  if (kind.isFIFO() || kind.isSocket()) void (descriptor === 1 ? process.stdout : process.stderr)
  return descriptor
}
