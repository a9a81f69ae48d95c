import { curve, median, type Percentiles, percentiles, split, spread } from '../statistics.js'
import { type OpenedConnection, openConnection } from './opened-connection.js'
import type { Progress, Target } from './target.js'

/** `plain`: TCP alone; `full`: both certificates shown and verified; `resumed`: by a ticket of an earlier connection. */
export const connectionKinds = ['plain', 'full', 'resumed'] as const
export type ConnectionKind = (typeof connectionKinds)[number]

export interface ConnectionFigures extends Percentiles {
  readonly count: number
  readonly spread_percent: number
  readonly curve: readonly number[]
  /** Medians of consecutive parts; those of all kinds were measured at the same time. */
  readonly rounds: readonly number[]
}

/** Undefined if nothing could be measured: no such target, or a server that does not resume sessions. */
export type Handshakes = Readonly<Record<ConnectionKind, ConnectionFigures | undefined>>

/** Measures the time for a connection and its first answer, alternating between the kinds. */
export async function measureHandshakes(
  targets: readonly Pick<Target, 'url' | 'secureContext' | 'checkServerIdentity'>[],
  durationMs: number,
  signal: AbortSignal,
  progress: Progress,
): Promise<Handshakes> {
  const times: Record<ConnectionKind, number[]> = { plain: [], full: [], resumed: [] }
  const timed = async (kind: ConnectionKind, open: () => Promise<OpenedConnection>) => {
    const begun = performance.now()
    const opened = await open()
    const took = performance.now() - begun
    opened.socket.destroy()
    if (kind !== 'resumed' || opened.resumed) times[kind].push(took)
    return opened
  }
  const turn = async () => {
    for (const { url, secureContext, checkServerIdentity } of targets) {
      const kind = secureContext ? 'full' : 'plain'
      const open = (session?: Buffer) => openConnection(url, secureContext, session, checkServerIdentity)
      const { session } = await timed(kind, () => open())
      if (session) await timed('resumed', () => open(session))
    }
  }
  for (let warmUp = 0; warmUp < 5; warmUp++) await turn()
  for (const kind of connectionKinds) times[kind].length = 0
  const begun = performance.now()
  for (let elapsed = 0; elapsed < durationMs; elapsed = performance.now() - begun) {
    signal.throwIfAborted()
    progress(elapsed / durationMs, 'connections: plain, full, resumed')
    await turn()
  }
  return { plain: figures(times.plain), full: figures(times.full), resumed: figures(times.resumed) }
}

const parts = 12

function figures(times: readonly number[]): ConnectionFigures | undefined {
  if (times.length === 0) return undefined
  const rounds = split(times, parts).map(median)
  return {
    ...percentiles(times),
    count: times.length,
    spread_percent: spread(rounds),
    curve: curve(times),
    rounds,
  }
}
