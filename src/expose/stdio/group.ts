import { setTimeout as wait } from 'node:timers/promises'

/** Process groups that are to end with this process. */
const groups = new Set<number>()

/** The last moment in which something can be done for them. */
function killAll(): void {
  for (const group of groups) signal(group, 'SIGKILL')
}

/** Notes a group: if this process ends, it ends too. */
export function holdGroup(group: number): void {
  if (groups.size === 0) process.on('exit', killAll)
  groups.add(group)
}

/** Between two looks for a group; milliseconds. */
const lookEvery = 20

/**
 * Ends a group of processes: after `patience` milliseconds it is asked to (SIGTERM), and after as many more it is made to
 * (SIGKILL). Resolves when nobody of it is left, or nothing more can be done.
 */
export async function endGroup(group: number, patience: number): Promise<void> {
  for (const [name, time] of [
    [0, patience],
    ['SIGTERM', patience],
    ['SIGKILL', 1000],
  ] as const) {
    if (!signal(group, name)) break
    const until = performance.now() + time
    while (performance.now() < until && signal(group, 0)) await wait(lookEvery)
  }
  groups.delete(group)
  if (groups.size === 0) process.off('exit', killAll)
}

/** Sends a signal to all of a group; 0 looks whether there is anybody. */
export function signal(group: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, name)
  } catch {
    return false // nobody is left, or it is another's by now
  }
}
