import type { EventStore, JSONRPCMessage } from '@modelcontextprotocol/server'
import type { Call } from '../../auth/call.js'

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

export interface EventOptions {
  /** The call that an answer belongs to. */
  readonly callOf?: (message: JSONRPCMessage) => Call | undefined
  /** A message that was kept, as its client may see it by now; undefined where it may not. */
  readonly replayed?: (message: JSONRPCMessage, call: Call | undefined) => JSONRPCMessage | undefined
}

interface Event {
  readonly streamId: string
  readonly text: string
  readonly call: Call | undefined
  /** Characters: a client makes up what a call names. */
  readonly size: number
}

/**
 * The newest events of one session, for clients that resume with `Last-Event-ID` (MCP 2025-03-26, "Resumability and
 * Redelivery"). An older one is forgotten, and a client that asks for it is told so.
 */
export class RecentEvents implements EventStore {
  readonly #events = new Map<string, Event>()
  readonly #ofIdentity: Kept
  readonly #options: EventOptions
  #characters = 0
  #last = 0
  #isClosed = false

  constructor(ofIdentity: Kept, options: EventOptions = {}) {
    this.#ofIdentity = ofIdentity
    this.#options = options
  }

  async storeEvent(streamId: string, message: JSONRPCMessage): Promise<string> {
    const id = `${streamId === standalone ? 's' : 'c'}${++this.#last}`
    if (this.#isClosed) return id
    const text = JSON.stringify(message)
    const call = this.#options.callOf?.(message)
    const size = text.length + (call ? JSON.stringify(call.target).length : 0)
    this.#events.set(id, { streamId, text, call, size })
    this.#count(size)
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
      if (isAfter && event.streamId === streamId && event.text !== '{}') {
        const message = JSON.parse(event.text) as JSONRPCMessage
        const { replayed } = this.#options
        const passed = replayed ? replayed(message, event.call) : message
        if (passed) await send(id, passed)
      }
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
    const [[id, { size }] = ['', { size: 0 }]] = this.#events
    this.#events.delete(id)
    this.#count(-size)
  }

  #count(characters: number): void {
    this.#characters += characters
    this.#ofIdentity.characters += characters
  }
}
