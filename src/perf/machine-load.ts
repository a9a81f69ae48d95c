import { cpus } from 'node:os'

/** CPU time in microseconds of all cores together since the machine started: spent on anything, and passed. */
export interface MachineTime {
  readonly busy: number
  readonly passed: number
}

export function machineTime(): MachineTime {
  let busy = 0
  let idle = 0
  for (const { times } of cpus()) {
    busy += (times.user + times.nice + times.sys + times.irq) * 1000
    idle += times.idle * 1000
  }
  return { busy, passed: busy + idle }
}

/**
 * The share of the machine that others took between two moments, 0 to 1.
 * @param own CPU of what was measured and of what measured it, in microseconds
 */
export function shareOfOthers(before: MachineTime, after: MachineTime, own: number): number {
  const share = (after.busy - before.busy - own) / (after.passed - before.passed)
  return Number.isNaN(share) ? 0 : Math.min(1, Math.max(0, share))
}

/** From here on the machine counts as busy: what takes this much of it shows in rates and times. */
export const busyShare = 0.1
