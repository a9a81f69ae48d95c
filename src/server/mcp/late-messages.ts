import type { Logger } from 'pino'
import { BoundedMap } from '../../tls/bounded-map.js'
import type { LateMessage } from './conversation.js'

/** Pairs of tool and identity that have a line in the log already. */
const toldAtMost = 1000

/** What servers said when nobody listened any more: counted, and logged once for each tool and identity. */
export class LateMessages {
  readonly #name: string
  readonly #logger: Logger | undefined
  readonly #told = new BoundedMap<string, true>(toldAtMost)
  #count = 0

  constructor(name: string, logger: Logger | undefined) {
    this.#name = name
    this.#logger = logger
  }

  get count(): number {
    return this.#count
  }

  readonly onLate = ({ method, tool, identity }: LateMessage): void => {
    this.#count++
    const key = JSON.stringify([tool, identity])
    if (this.#told.has(key)) return
    this.#told.set(key, true)
    const who = tool === undefined ? 'a server' : `the tool ${tool}`
    this.#logger?.warn(
      { event: 'said-too-late', name: this.#name, tool, identity, method },
      `${this.#name}: ${who} sent ${method} when nobody listened any more: its call was answered, or its client gone`,
    )
  }
}
