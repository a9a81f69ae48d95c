import type { MonitorEvent } from '../../../monitor/snapshot.js'
import type { Io } from '../../io/io.js'
import { printable, writeLines } from '../../io/output.js'
import { runShell } from '../../io/shell.js'

const longestRun = 60_000
/** A command that is slower than the changes gets only the newest ones. */
const waitingAtMost = 100

/**
 * Runs a shell command for each change of state, one after another. The change is passed only in the environment, never
 * in the command: names come from certificates and peers. The command's output goes to stderr.
 */
export function commandRunner(command: string, io: Io, signal: AbortSignal): (event: MonitorEvent) => void {
  const waiting: MonitorEvent[] = []
  let running = false
  const work = async () => {
    if (running) return
    running = true
    for (let event = waiting.shift(); event && !signal.aborted; event = waiting.shift()) {
      const failure = await runFor(event, command, io, signal)
      if (failure !== undefined && !signal.aborted)
        writeLines(io.stderr, [`error: the command of --exec failed: ${printable(failure)}`])
    }
    running = false
  }
  return (event) => {
    waiting.push(event)
    waiting.splice(0, waiting.length - waitingAtMost)
    void work()
  }
}

async function runFor(
  { at, kind, name, from, to, level, text }: MonitorEvent,
  command: string,
  io: Io,
  signal: AbortSignal,
): Promise<string | undefined> {
  const told = { TIME: at, KIND: kind, NAME: name, FROM: from, TO: to, LEVEL: level, TEXT: text }
  const variables = Object.fromEntries(
    // An environment variable cannot contain NUL.
    Object.entries(told).map(([key, value]) => [`MONITOR_${key}`, (value ?? '').replaceAll('\0', '')]),
  )
  const ends = AbortSignal.any([signal, AbortSignal.timeout(longestRun)])
  return runShell(command, variables, io, ends).catch((error) =>
    error instanceof Error ? error.message : String(error),
  )
}
