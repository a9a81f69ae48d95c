import {
  Client,
  type ClientOptions,
  type FetchLike,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks'
import {
  CreateMessageRequestSchema,
  type CreateMessageResult,
  ElicitRequestSchema,
  type ElicitResult,
  ListRootsRequestSchema,
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js'

/** What both SDK versions' clients have, and what came in by itself. */
export interface Peer extends AsyncDisposable {
  readonly sessionId: string | undefined
  readonly logged: unknown[]
  /** The URIs of resources that have changed. */
  readonly updated: string[]
  /** What the server has asked for: parameters of sampling and elicitation. */
  readonly asked: unknown[]
  readonly client: Pick<
    ClientV1,
    'sendRootsListChanged' | 'setLoggingLevel' | 'subscribeResource' | 'unsubscribeResource'
  > & {
    listTools(): Promise<{ tools: { name: string }[] }>
    listPrompts(): Promise<{ prompts: { name: string }[] }>
    listResources(): Promise<{ resources: { uri: string }[] }>
    listResourceTemplates(): Promise<{ resourceTemplates: { uriTemplate: string }[] }>
    getPrompt(params: { name: string; arguments?: Record<string, string> }): Promise<unknown>
    readResource(params: { uri: string }): Promise<unknown>
    complete(params: Completion): Promise<unknown>
    getServerVersion(): unknown
    getServerCapabilities(): unknown
    getInstructions(): unknown
  }
  call(
    name: string,
    args: Record<string, unknown>,
    onprogress?: (progress: unknown) => void,
  ): Promise<unknown>
}

export interface Completion {
  readonly ref: { type: 'ref/prompt'; name: string } | { type: 'ref/resource'; uri: string }
  readonly argument: { name: string; value: string }
  readonly context?: { arguments: Record<string, string> }
}

const info = { name: 'everything-client', version: '1.0.0' }
const capabilities = { sampling: {}, elicitation: { form: {}, url: {} }, roots: { listChanged: true } }
const roots = { roots: [{ uri: 'file:///project', name: 'The project' }] }
const sampled: CreateMessageResult = {
  model: 'a-model',
  role: 'assistant',
  content: { type: 'text', text: 'What a model says' },
}
const elicited = (params: { mode?: string | undefined }): ElicitResult =>
  params.mode === 'url'
    ? { action: 'accept' }
    : { action: 'accept', content: { name: 'Ada', check: true, integer: 7, interpretation: 'technical' } }

type Fetch = FetchLike | undefined
const received = () => ({ logged: [] as unknown[], updated: [] as string[], asked: [] as unknown[] })

/** A client of SDK v1 that can do all that it can: it runs what it is asked for as tasks, too. */
export async function clientV1(url: string, fetch: Fetch): Promise<Peer> {
  const came = received()
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
  client.setRequestHandler(ListRootsRequestSchema, () => roots)
  client.setRequestHandler(CreateMessageRequestSchema, async ({ params }, { taskStore }) => {
    came.asked.push(params)
    if (!params.task || !taskStore) return sampled
    const task = await taskStore.createTask({ ttl: params.task.ttl ?? null })
    await taskStore.storeTaskResult(task.taskId, 'completed', sampled)
    return { task }
  })
  client.setRequestHandler(ElicitRequestSchema, async ({ params }, { taskStore }) => {
    came.asked.push(params)
    if (!params.task || !taskStore) return elicited(params)
    const task = await taskStore.createTask({ ttl: params.task.ttl ?? null })
    await taskStore.storeTaskResult(task.taskId, 'completed', elicited(params))
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
  const transport = new TransportV1(new URL(url), fetch && { fetch })
  await client.connect(transport as Parameters<ClientV1['connect']>[0])
  return {
    ...came,
    client,
    sessionId: transport.sessionId,
    async call(name, args, onprogress) {
      const options = onprogress && { onprogress }
      if (name !== 'simulate-research-query')
        return client.callTool({ name, arguments: args }, undefined, options)
      let last: unknown
      for await (const message of client.experimental.tasks.callToolStream({ name, arguments: args }))
        last = message
      return last
    },
    [Symbol.asyncDispose]: async () => {
      await transport.terminateSession()
      await client.close()
    },
  }
}

/** A client of SDK v2, which has no tasks. */
export async function clientV2(url: string, fetch: Fetch, options: ClientOptions = {}): Promise<Peer> {
  const came = received()
  const client = new Client(info, { capabilities, ...options })
  client.setRequestHandler('roots/list', () => roots)
  client.setRequestHandler('sampling/createMessage', ({ params }) => {
    came.asked.push(params)
    return sampled
  })
  client.setRequestHandler('elicitation/create', ({ params }) => {
    came.asked.push(params)
    return elicited(params)
  })
  client.setNotificationHandler('notifications/message', ({ params }) => void came.logged.push(params))
  client.setNotificationHandler(
    'notifications/resources/updated',
    ({ params }) => void came.updated.push(params.uri),
  )
  const transport = new StreamableHTTPClientTransport(new URL(url), fetch && { fetch })
  await client.connect(transport)
  return {
    ...came,
    client: client as Peer['client'],
    sessionId: transport.sessionId,
    call: (name, args, onprogress) =>
      client.callTool({ name, arguments: args }, onprogress && { onprogress }),
    [Symbol.asyncDispose]: async () => {
      await transport.terminateSession()
      await client.close()
    },
  }
}

/** The same, which asks for 2026-07-28 first and falls back to what the server has. */
export function clientV2Auto(url: string, fetch: Fetch): Promise<Peer> {
  return clientV2(url, fetch, { versionNegotiation: { mode: 'auto' } })
}
