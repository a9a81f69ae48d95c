/** Figures of the connections a client keeps open. */
export interface PoolFigures {
  /** At most this many to one server. */
  readonly max: number
  /** With a request on them now. */
  readonly active: number
  readonly idle: number
  readonly total: number
}

/** To one server, where nothing else is asked for. */
export const defaultMaxConnections = 64
