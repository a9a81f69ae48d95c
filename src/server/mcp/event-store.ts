import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server'

/** What one session keeps for a client that lost its connection: at most so many events, and so many characters. */
const eventsAtMost = 1000
const charactersAtMost = 1024 * 1024
/** What all sessions of one identity keep together. */
const charactersOfOneAtMost = 8 * 1024 * 1024

/** What the SDK calls the stream of a session that belongs to no call. */
const standalone = '_GET_stream'

/** How much the sessions of one identity keep now. */
export interface Kept {
  characters: number
}

/**
 * The newest events of one session, for clients that resume with `Last-Event-ID` (MCP 2025-03-26, "Resumability and
 * Redelivery"). An older one is forgotten, and a client that asks for it is told so.
 */
export class RecentEvents implements EventStore {
  readonly #events = new Map<string, { readonly streamId: string; readonly text: string }>()
  readonly #ofIdentity: Kept
  #characters = 0
  #last = 0
  #isClosed = false

  constructor(ofIdentity: Kept) {
    this.#ofIdentity = ofIdentity
  }

  async storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    const id = `${streamId === standalone ? 's' : 'c'}${++this.#last}`
    if (this.#isClosed) return id
    const text = JSON.stringify(message)
    this.#events.set(id, { streamId, text })
    this.#count(text.length)
    while (this.#isOver()) this.#forgetOldest()
    return id
  }

  /** Whether this is an event of the stream that belongs to no call, from before what is kept. */
  isForgottenNews(id: string): boolean {
    return id.startsWith('s') && !this.#events.has(id)
  }

  /** Its session has ended: it keeps nothing any more. */
  close(): void {
    this.#isClosed = true
    this.#count(-this.#characters)
    this.#events.clear()
  }

  async getStreamIdForEventId(id: string): Promise<string | undefined> {
    return this.#events.get(id)?.streamId
  }

  async replayEventsAfter(
    lastEventId: string,
    { send }: { send: (id: string, message: JSONRPCMessage) => Promise<void> },
  ): Promise<string> {
    const streamId = this.#events.get(lastEventId)?.streamId ?? ''
    let isAfter = false
    for (const [id, event] of this.#events) {
      // The first event of a stream is empty: it tells only where to resume.
      if (isAfter && event.streamId === streamId && event.text !== '{}')
        await send(id, JSON.parse(event.text) as JSONRPCMessage)
      isAfter ||= id === lastEventId
    }
    return streamId
  }

  #isOver(): boolean {
    if (this.#events.size === 0) return false
    return (
      this.#events.size > eventsAtMost ||
      this.#characters > charactersAtMost ||
      this.#ofIdentity.characters > charactersOfOneAtMost
    )
  }

  #forgetOldest(): void {
    const [[id, { text }] = ['', { text: '' }]] = this.#events
    this.#events.delete(id)
    this.#count(-text.length)
  }

  #count(characters: number): void {
    this.#characters += characters
    this.#ofIdentity.characters += characters
  }
}
