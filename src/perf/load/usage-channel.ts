// Loaded into a server under test before its own code: reports to its parent what the process has used so far. Node
// measures this for its own process to the microsecond, on every platform.

/** CPU since the start of the process in microseconds; memory in bytes, resident and of objects alone. */
export interface Usage {
  readonly cpu: number
  readonly resident: number
  readonly heap: number
}

/** `collect`: after a garbage collection, whose own CPU is in this answer and in no later difference. */
export type UsageQuestion = 'now' | 'collect'

process.on('message', (question: UsageQuestion) => {
  if (question === 'collect') global.gc?.()
  const { user, system } = process.cpuUsage()
  const { rss, heapUsed } = process.memoryUsage()
  const usage: Usage = { cpu: user + system, resident: rss, heap: heapUsed }
  process.send?.(usage)
})
// The parent is gone, however it ended.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
