// On what was measured, and what else ran there meanwhile.
import { readFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { machineTime, shareOfOthers } from '../../dist/perf/machine-load.js'
import { round } from '../figures.mjs'

export function environment() {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return {
    version,
    node: process.versions.node,
    openssl: process.versions.openssl,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    load_average_before: round(loadavg()[0] ?? 0),
    date: new Date().toISOString(),
  }
}

/** CPU of this process and of all that it started and that has ended, in µs; undefined where the system does not tell. */
function ownTime() {
  if (process.platform !== 'linux') return undefined
  // Fields 14 to 17 of proc_pid_stat(5), in ticks of 10 ms; the name in field 2 may hold spaces.
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10_000, 0)
}

/** Begins to watch; what comes back tells the share of the machine that others have taken since, 0 to 1. */
export function watchOthers() {
  const [machine, own] = [machineTime(), ownTime()]
  return () => {
    const now = ownTime()
    if (own === undefined || now === undefined) return null
    return round(shareOfOthers(machine, machineTime(), now - own))
  }
}
