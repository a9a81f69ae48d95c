import { Client, type FetchLike, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks'
import {
  CreateMessageRequestSchema,
  type CreateMessageResult,
  ElicitRequestSchema,
  type ElicitResult,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'

/** How a server is reached: over HTTP, or as a program that the client starts. */
export type Way =
  | { readonly url: string; readonly fetch?: FetchLike | undefined }
  | { readonly command: string; readonly args: string[]; readonly env?: Record<string, string> }

/** What a client answers, where it is not the usual. */
export interface Behaviour {
  readonly roots?: { uri: string; name?: string }[]
  readonly sampled?: CreateMessageResult
  readonly elicited?: ElicitResult
  /** What becomes of each message that comes in: undefined takes it away. */
  readonly tamper?: (message: Message) => Message | undefined
}

/** A JSON-RPC message, as loose as a test that spoils one needs it. */
// biome-ignore lint/suspicious/noExplicitAny: what is spoilt has the shape that the test knows
export type Message = { method?: string; params?: any; result?: any; error?: any; id?: unknown }

export type Open = (way: Way, behaviour?: Behaviour) => Promise<Peer>

export interface CallOptions {
  onprogress?: (progress: unknown) => void
  signal?: AbortSignal
}

/** What both SDK versions' clients have, and what came in by itself. */
export interface Peer extends AsyncDisposable {
  readonly sessionId: string | undefined
  /** Of the program that the client has started. */
  readonly pid: number | undefined
  /** Whether 2026-07-28 or later is spoken. */
  readonly isModern: boolean
  readonly logged: unknown[]
  /** The URIs of resources that have changed. */
  readonly updated: string[]
  /** The lists that have changed. */
  readonly changed: string[]
  /** What the server has asked for: parameters of sampling and elicitation. */
  readonly asked: unknown[]
  /** By the token of a call: each step of it that arrived. */
  readonly progress: ReadonlyMap<unknown, unknown[]>
  /** Ids of calls that were answered more than once. */
  readonly twice: unknown[]
  readonly client: Pick<ClientV1, 'sendRootsListChanged' | 'setLoggingLevel'> & {
    listTools(): Promise<{ tools: { name: string }[] }>
    listPrompts(): Promise<{ prompts: { name: string }[] }>
    listResources(): Promise<{ resources: { uri: string }[] }>
    listResourceTemplates(): Promise<{ resourceTemplates: { uriTemplate: string }[] }>
    getPrompt(params: { name: string; arguments?: Record<string, string> }): Promise<unknown>
    readResource(params: { uri: string }): Promise<unknown>
    complete(params: Completion): Promise<unknown>
    getServerVersion(): unknown
    getServerCapabilities(): Record<string, unknown> | undefined
    getInstructions(): unknown
  }
  call(name: string, args: Record<string, unknown>, options?: CallOptions): Promise<unknown>
  subscribe(uri: string): Promise<unknown>
  unsubscribe(uri: string): Promise<unknown>
}

export interface Completion {
  readonly ref: { type: 'ref/prompt'; name: string } | { type: 'ref/resource'; uri: string }
  readonly argument: { name: string; value: string }
  readonly context?: { arguments: Record<string, string> }
}

const info = { name: 'comparing-client', version: '1.0.0' }
const capabilities = { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } }
const usualRoots = [{ uri: 'file:///project', name: 'The project' }]
const usuallySampled: CreateMessageResult = {
  model: 'a-model',
  role: 'assistant',
  content: { type: 'text', text: 'What a model says' },
}
const usuallyElicited: ElicitResult = {
  action: 'accept',
  content: { name: 'Ada', check: true, integer: 7, interpretation: 'technical' },
}

/** What comes in is kept, and what is asked is answered. */
function receiving(behaviour: Behaviour) {
  const came = {
    logged: [] as unknown[],
    updated: [] as string[],
    changed: [] as string[],
    asked: [] as unknown[],
    progress: new Map<unknown, unknown[]>(),
    twice: [] as unknown[],
  }
  return {
    came,
    roots: () => ({ roots: behaviour.roots ?? usualRoots }),
    sample: (params: object) => {
      came.asked.push(withoutToken(params))
      return behaviour.sampled ?? usuallySampled
    },
    elicit: (params: { mode?: string | undefined; _meta?: object | undefined }): ElicitResult => {
      came.asked.push(withoutToken(params))
      if (behaviour.elicited) return behaviour.elicited
      return params.mode === 'url' ? { action: 'accept' } : usuallyElicited
    },
  }
}

/** Each connection counts its progress tokens by itself. */
function withoutToken({ _meta, ...params }: { _meta?: object | undefined }): object {
  const { progressToken: _, ...rest } = { progressToken: undefined, ..._meta }
  return Object.keys(rest).length > 0 ? { _meta: rest, ...params } : params
}

/** What a program prints as an error is for its own tests. */
const program = ({ command, args, env }: Extract<Way, { command: string }>) => ({
  command,
  args,
  stderr: 'ignore' as const,
  ...(env && { env: { PATH: process.env.PATH ?? '', ...env } }),
})

/** A client of SDK v1 that can do all that it can: it runs what it is asked for as tasks, too. */
export const clientV1: Open = async (way, behaviour = {}) => {
  const { came, roots, sample, elicit } = receiving(behaviour)
  const client = new ClientV1(info, {
    capabilities: {
      ...capabilities,
      tasks: {
        list: {},
        cancel: {},
        requests: { sampling: { createMessage: {} }, elicitation: { create: {} } },
      },
    },
    taskStore: new InMemoryTaskStore(),
  })
  client.setRequestHandler(ListRootsRequestSchema, roots)
  client.setRequestHandler(CreateMessageRequestSchema, async ({ params }, { taskStore }) => {
    const sampled = sample(params)
    if (!params.task || !taskStore) return sampled
    const task = await taskStore.createTask({ ttl: params.task.ttl ?? null })
    await taskStore.storeTaskResult(task.taskId, 'completed', sampled)
    return { task }
  })
  client.setRequestHandler(ElicitRequestSchema, async ({ params }, { taskStore }) => {
    const elicited = elicit(params)
    if (!params.task || !taskStore) return elicited
    const task = await taskStore.createTask({ ttl: params.task.ttl ?? null })
    await taskStore.storeTaskResult(task.taskId, 'completed', elicited)
    return { task }
  })
  client.setNotificationHandler(
    LoggingMessageNotificationSchema,
    ({ params }) => void came.logged.push(params),
  )
  client.setNotificationHandler(
    ResourceUpdatedNotificationSchema,
    ({ params }) => void came.updated.push(params.uri),
  )
  client.setNotificationHandler(ToolListChangedNotificationSchema, () => void came.changed.push('tools'))
  client.setNotificationHandler(
    ResourceListChangedNotificationSchema,
    () => void came.changed.push('resources'),
  )
  const transport =
    'url' in way ? new HttpV1(new URL(way.url), way.fetch && { fetch: way.fetch }) : new StdioV1(program(way))
  watch(transport, came, behaviour)
  await client.connect(transport as Parameters<ClientV1['connect']>[0])
  return {
    ...came,
    client,
    isModern: false,
    sessionId: 'sessionId' in transport ? transport.sessionId : undefined,
    pid: 'pid' in transport ? (transport.pid ?? undefined) : undefined,
    async call(name, args, options) {
      if (name !== 'simulate-research-query')
        return client.callTool({ name, arguments: args }, undefined, options)
      let last: unknown
      for await (const message of client.experimental.tasks.callToolStream({ name, arguments: args }))
        last = message
      return last
    },
    subscribe: (uri) => client.subscribeResource({ uri }),
    unsubscribe: (uri) => client.unsubscribeResource({ uri }),
    [Symbol.asyncDispose]: async () => {
      if ('terminateSession' in transport) await transport.terminateSession()
      await client.close()
    },
  }
}

/** A client of SDK v2, which has no tasks. */
export const clientV2: Open = (way, behaviour) => openV2(way, behaviour, 'legacy')

/** The same, which asks for 2026-07-28 first and falls back to what the server has. */
export const clientV2Auto: Open = (way, behaviour) => openV2(way, behaviour, 'auto')

async function openV2(way: Way, behaviour: Behaviour = {}, mode: 'legacy' | 'auto'): Promise<Peer> {
  const { came, roots, sample, elicit } = receiving(behaviour)
  const client = new Client(info, { capabilities, ...(mode === 'auto' && { versionNegotiation: { mode } }) })
  client.setRequestHandler('roots/list', roots)
  client.setRequestHandler('sampling/createMessage', ({ params }) => sample(params))
  client.setRequestHandler('elicitation/create', ({ params }) => elicit(params))
  client.setNotificationHandler('notifications/message', ({ params }) => void came.logged.push(params))
  client.setNotificationHandler(
    'notifications/resources/updated',
    ({ params }) => void came.updated.push(params.uri),
  )
  client.setNotificationHandler('notifications/tools/list_changed', () => void came.changed.push('tools'))
  client.setNotificationHandler(
    'notifications/resources/list_changed',
    () => void came.changed.push('resources'),
  )
  const transport =
    'url' in way
      ? new StreamableHTTPClientTransport(new URL(way.url), way.fetch && { fetch: way.fetch })
      : new StdioClientTransport(program(way))
  watch(transport, came, behaviour)
  await client.connect(transport)
  const isModern = (client.getNegotiatedProtocolVersion() ?? '') >= '2026-07-28'
  const listening = new Map<string, { close(): Promise<void> }>()
  return {
    ...came,
    client: client as Peer['client'],
    isModern,
    sessionId: 'sessionId' in transport ? transport.sessionId : undefined,
    pid: 'pid' in transport ? (transport.pid ?? undefined) : undefined,
    call: (name, args, options) => client.callTool({ name, arguments: args }, options),
    async subscribe(uri) {
      if (!isModern) return client.subscribeResource({ uri })
      const subscription = await client.listen({ resourceSubscriptions: [uri] })
      listening.set(uri, subscription)
      return subscription.honoredFilter
    },
    async unsubscribe(uri) {
      if (!isModern) return client.unsubscribeResource({ uri })
      await listening.get(uri)?.close()
      return {}
    },
    [Symbol.asyncDispose]: async () => {
      for (const subscription of listening.values()) await subscription.close()
      if ('terminateSession' in transport) await transport.terminateSession()
      await client.close()
    },
  }
}

// biome-ignore lint/suspicious/noExplicitAny: two SDK versions' own types of messages
type Handler = (message: any, extra?: any) => void

interface AnyTransport {
  onmessage?: Handler | undefined
}

/**
 * Looks at each message that comes in, and passes it through what spoils it, whichever handler the client has set by
 * then. Progress is kept here: where its last step comes in one piece with the answer, a client of the SDK loses it.
 */
function watch(
  transport: AnyTransport,
  came: Pick<Peer, 'twice'> & { progress: Map<unknown, unknown[]> },
  { tamper = (message) => message }: Behaviour,
): void {
  const answered = new Set<unknown>()
  const seen = new WeakSet<Message>() // a handler may call the one that was set before it
  const look = (handle: Handler, message: Message, extra: unknown) => {
    if (seen.has(message)) return handle(message, extra)
    const spoilt = tamper(message)
    if (!spoilt) return
    seen.add(spoilt)
    if (spoilt.method === 'notifications/progress') {
      const { progressToken, ...step } = spoilt.params
      came.progress.set(progressToken, [...(came.progress.get(progressToken) ?? []), step])
    }
    if (spoilt.method === undefined) {
      if (answered.has(spoilt.id)) came.twice.push(spoilt.id)
      answered.add(spoilt.id)
    }
    handle(spoilt, extra)
  }
  let handler = transport.onmessage
  Object.defineProperty(transport, 'onmessage', {
    get: () => {
      const current = handler
      return current && ((message: Message, extra: unknown) => look(current, message, extra))
    },
    set: (next) => {
      handler = next
    },
  })
}
