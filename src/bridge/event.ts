/** What happens to a bridge, for a log. */
export interface BridgeEvent {
  readonly event: 'connected' | 'lost' | 'error' | 'relaxed'
  readonly message: string
}

export type Tell = (event: BridgeEvent) => void
