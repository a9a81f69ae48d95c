import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

export interface FoundProcess {
  readonly pid: number
  readonly parent: number
  readonly group: number
  readonly command: string
}

/** Every process of this machine that still runs: not those that have ended and wait for their parent. Linux and macOS. */
export function processes(): FoundProcess[] {
  return process.platform === 'linux' ? fromProc() : fromPs()
}

/** Those of a process group, whose id is the pid of its first process. */
export function inGroup(group: number): FoundProcess[] {
  return processes().filter((found) => found.group === group)
}

/** A process's children, their children and so on. Those whose parent has ended are nobody's. */
export function descendantsOf(pid: number): FoundProcess[] {
  const all = processes()
  const below = (parent: number): FoundProcess[] =>
    all.filter((found) => found.parent === parent).flatMap((child) => [child, ...below(child.pid)])
  return below(pid)
}

/** Which of these run. */
export function alive(...pids: number[]): number[] {
  return processes().flatMap(({ pid }) => (pids.includes(pid) ? [pid] : []))
}

function fromProc(): FoundProcess[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
        const [state, parent, group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
        if (state === 'Z' || state === 'X') return []
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()
        return [{ pid: Number(name), parent: Number(parent), group: Number(group), command }]
      } catch {
        return [] // it has ended in the meantime
      }
    })
}

function fromPs(): FoundProcess[] {
  const printed = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,stat=,args='], { encoding: 'utf8' })
  return [...printed.matchAll(/^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/gm)].flatMap(
    ([, pid, parent, group, state = '', command = '']) =>
      state.startsWith('Z')
        ? []
        : [{ pid: Number(pid), parent: Number(parent), group: Number(group), command }],
  )
}

/** Whether a process was stopped by SIGSTOP. */
export function isStopped(pid: number): boolean {
  if (process.platform !== 'linux')
    return execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('T')
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T')
}
