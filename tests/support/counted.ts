import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startNode } from './cli.js'
import type { World } from './world.js'

const program = fileURLToPath(new URL('../expose/fixtures/counted.mjs', import.meta.url))
const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Counts {
  /** What would keep the process alive, by kind, and how many files and sockets are open (Linux). */
  readonly held: { readonly resources: readonly string[]; readonly descriptors: number }
  readonly callsInFlight: number
  readonly children: { readonly alive: number; readonly starts: number; readonly deaths: number } | null
  /** Bytes, after a garbage collection. */
  readonly heap: number
  readonly rss: number
}

/** `expose` of the built package in a process of its own, which tells what it holds. It ends with the test. */
export async function counted({ tls }: Pick<World, 'tls'>, options: object) {
  const args = ['--expose-gc', program, JSON.stringify({ tls, ...options })]
  const { process: child, printed } = startNode(args, { cwd: root })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const [url = ''] = await printed(/https:\S+\/mcp\b/)
  const counts = async (): Promise<Counts> => {
    child.kill('SIGUSR2')
    const [line] = await once(lines, 'line')
    return JSON.parse(line)
  }
  return { url, pid: child.pid ?? 0, counts }
}
