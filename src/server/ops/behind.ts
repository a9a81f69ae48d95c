import type { BehindHealth, HealthProblem } from './health.js'

/** What stands behind a server that passes calls on: programs that it starts, or another server. */
export interface Behind {
  readonly callsInFlight: number
  readonly children?: {
    readonly alive: number
    readonly starts: number
    /** Those that ended without being told to. */
    readonly deaths: number
  }
  readonly upstream?: { readonly reachable: boolean }
  readonly problems: readonly HealthProblem[]
}

/** What `/health` says of it. */
export function behindHealth(behind: Behind | undefined): BehindHealth {
  if (!behind) return {}
  const { callsInFlight, children, upstream } = behind
  return { ...(children && { children }), ...(upstream && { upstream }), calls_in_flight: callsInFlight }
}
