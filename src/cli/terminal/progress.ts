import type { Progress } from '../../perf/load/target.js'
import type { Io } from '../io/io.js'

const width = 24

/** A bar that is redrawn on a terminal; elsewhere a line for each finished step. `clear` removes it. */
export function progressBar({ stderr }: Pick<Io, 'stderr'>): { readonly update: Progress; clear(): void } {
  const terminal = 'isTTY' in stderr && stderr.isTTY === true
  let shown = ''
  const update: Progress = (done, what) => {
    const filled = Math.floor(done * width)
    const bar = `${'█'.repeat(filled)}${'░'.repeat(width - filled)} ${String(Math.floor(done * 100)).padStart(3)} %`
    const line = terminal ? `${bar}  ${what}` : what.replace(/:.*/, '')
    if (line === shown) return
    shown = line
    stderr.write(terminal ? `\r${line}\x1b[K` : `${line}\n`)
  }
  return { update, clear: () => void (terminal && stderr.write('\r\x1b[K')) }
}
