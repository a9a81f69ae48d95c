import { PassThrough } from 'node:stream'
import { onTestFinished } from 'vitest'
import type { JoinOptions } from '../../src/bridge/bridge.js'
import type { BridgeEvent } from '../../src/bridge/event.js'
import { farServer } from '../../src/bridge/far-server.js'
import { startBridge } from '../../src/bridge/start.js'
import { parseClientConfig } from '../../src/config/index.js'
import { Lines } from '../../src/relay/lines.js'
import type { Message } from './compare/clients.js'

export interface Bridged {
  /** Has a request answered. */
  ask(method: string, params?: object): Promise<Message>
  /** Begins with a session of 2025-11-25; gives the answer to `initialize`. */
  open(capabilities?: object): Promise<Message>
  call(name: string, args?: object): Promise<Message>
  say(message: Message): void
  /** All that came which is no answer. */
  readonly heard: Message[]
  /** Of what came by itself, the methods. */
  readonly methods: () => (string | undefined)[]
  readonly events: BridgeEvent[]
  /** Ends stdin; resolves when the bridge has ended. */
  end(): Promise<void>
}

/** A bridge in the process of the test, whose client is the test; to one server, or to several by their names. */
export function bridged(
  servers: string | Readonly<Record<string, string>>,
  certDir: string,
  early = 30_000,
  options: object = {},
  join: Partial<JoinOptions> = {},
): Bridged {
  const [input, output] = [new PassThrough(), new PassThrough()]
  const events: BridgeEvent[] = []
  const heard: Message[] = []
  const waiting = new Map<unknown, (answer: Message) => void>()
  const lines = new Lines({
    maxLine: 1e8,
    onTooLong: () => {},
    onLine: (line) => {
      const message = JSON.parse(line)
      if (message.method === undefined) waiting.get(message.id)?.(message)
      else heard.push(message)
    },
  })
  output.on('data', (chunk) => lines.push(chunk))
  const tell = (event: BridgeEvent) => void events.push(event)
  const far = (name: string, serverUrl: string) =>
    farServer(name, parseClientConfig({ serverUrl, tls: { certDir }, timeoutMs: 5000, ...options }), tell)
  const [first, ...others] =
    typeof servers === 'string'
      ? [far('the-server', servers)]
      : Object.entries(servers).map(([name, url]) => far(name, url))
  if (!first) throw new Error('no server')
  const running = startBridge({ input, output }, [first, ...others], { early, tell, ...join })
  let last = 0
  const say = (message: Message) => void input.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
  const ask = (method: string, params: object = {}) => {
    const id = ++last
    return new Promise<Message>((resolve) => {
      waiting.set(id, resolve)
      say({ id, method, params })
    })
  }
  const end = async () => {
    input.end()
    await (await running).closed
  }
  onTestFinished(end)
  return {
    ask,
    say,
    heard,
    events,
    end,
    methods: () => heard.map(({ method }) => method),
    call: (name, args = {}) => ask('tools/call', { name, arguments: args }),
    open: async (capabilities = {}) => {
      const clientInfo = { name: 'a-client', version: '1' }
      const answer = await ask('initialize', { protocolVersion: '2025-11-25', capabilities, clientInfo })
      say({ method: 'notifications/initialized' })
      return answer
    },
  }
}
