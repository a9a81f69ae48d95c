import { expect } from 'vitest'
import { tier } from '../tier.js'
import type { Completion, Peer } from './clients.js'

const isLong = tier(0, 1) === 1

/** What each tool is called with, one call after the other; a tool that is not here has no test. */
const toolCalls: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
  echo: [{ message: 'hello' }, {}],
  'get-annotated-message': [
    { messageType: 'error' },
    { messageType: 'success', includeImage: true },
    { messageType: 'debug' },
  ],
  'get-env': [{}],
  'get-resource-links': [{ count: 4 }],
  'get-resource-reference': [
    { resourceType: 'Text', resourceId: 1 },
    { resourceType: 'Blob', resourceId: 2 },
    { resourceType: 'Text', resourceId: -1 },
  ],
  'get-structured-content': [{ location: 'Chicago' }],
  'get-sum': [{ a: 2, b: 3 }],
  'get-tiny-image': [{}],
  'gzip-file-as-resource': [
    { name: 'whole.gz', data: 'data:text/plain,hello', outputType: 'resource' },
    { name: 'linked.gz', data: 'data:text/plain,hello', outputType: 'resourceLink' },
    { name: 'refused.gz', data: 'ftp://localhost/file' },
  ],
  'trigger-long-running-operation': [{ duration: 0.1, steps: 4 }],
  'get-roots-list': [{}],
  'trigger-elicitation-request': [{}],
  'trigger-url-elicitation': [
    { url: 'https://example.com/a', elicitationId: 'one' },
    { url: 'https://example.com/b', elicitationId: 'two', errorPath: true },
    { url: 'https://example.com/b', elicitationId: 'two', errorPath: true },
  ],
  'trigger-sampling-request': [{ prompt: 'Say something', maxTokens: 10 }],
  // It takes four seconds by itself.
  'simulate-research-query': isLong ? [{ topic: 'python', ambiguous: true }] : [],
  'trigger-sampling-request-async': [{ prompt: 'Say something later' }],
  'trigger-elicitation-request-async': [{}],
  // On, and off again; what they send is looked at by itself.
  'toggle-simulated-logging': [],
  'toggle-subscriber-updates': [],
}

const promptCalls: Readonly<Record<string, readonly Record<string, string>[]>> = {
  'simple-prompt': [{}],
  'args-prompt': [{ city: 'Tokyo' }, { city: 'Austin', state: 'Texas' }, {}],
  'completable-prompt': [{ department: 'Sales', name: 'Eve' }],
  'resource-prompt': [
    { resourceType: 'Text', resourceId: '1' },
    { resourceType: 'Blob', resourceId: '2' },
    { resourceType: 'Text', resourceId: 'none' },
  ],
}

const completions: readonly Completion[] = [
  { ref: { type: 'ref/prompt', name: 'completable-prompt' }, argument: { name: 'department', value: 'S' } },
  {
    ref: { type: 'ref/prompt', name: 'completable-prompt' },
    argument: { name: 'name', value: '' },
    context: { arguments: { department: 'Engineering' } },
  },
  { ref: { type: 'ref/prompt', name: 'resource-prompt' }, argument: { name: 'resourceType', value: 'B' } },
  {
    ref: { type: 'ref/resource', uri: 'demo://resource/dynamic/text/{resourceId}' },
    argument: { name: 'resourceId', value: '12' },
  },
]

/** Everything that a client can do with the reference server, and what came back: times, ids and chance made equal. */
export async function everythingDone(peer: Peer): Promise<Record<string, unknown>> {
  const { client, logged, updated } = peer
  const transcript: Record<string, unknown> = {}
  const note = async (what: string, done: Promise<unknown>) => {
    transcript[what] = await done.catch(({ name, code, message, data }) => ({
      failed: { name, code, message, data },
    }))
  }

  // The server asks for the roots a while after the start, on the stream that then is open for all that it says by itself.
  const rootsAreThere = 'Roots updated: 1 root(s)'
  await expect
    .poll(
      async () => {
        await client.sendRootsListChanged()
        return logged.some(mentions(rootsAreThere))
      },
      { interval: 200 },
    )
    .toBe(true)

  transcript.server = [client.getServerVersion(), client.getServerCapabilities(), client.getInstructions()]
  const { tools } = await client.listTools()
  transcript.tools = tools
  for (const { name } of tools)
    for (const [index, args] of given(toolCalls, name).entries()) {
      const progress: unknown[] = []
      const answer = peer.call(name, args, (step) => progress.push(step))
      await note(`tool ${name} ${index}`, name === 'get-env' ? answer.then(namesOnly) : answer)
      if (progress.length > 0) transcript[`progress of ${name} ${index}`] = progress
    }

  const { prompts } = await client.listPrompts()
  transcript.prompts = prompts
  for (const { name } of prompts)
    for (const [index, args] of given(promptCalls, name).entries())
      await note(`prompt ${name} ${index}`, client.getPrompt({ name, arguments: args }))
  for (const params of completions)
    await note(`completion ${JSON.stringify(params)}`, client.complete(params))

  const { resources } = await client.listResources()
  transcript.resources = resources
  const { resourceTemplates } = await client.listResourceTemplates()
  transcript.templates = resourceTemplates
  const fromTemplates = resourceTemplates.map(({ uriTemplate }) => uriTemplate.replace(/\{.*\}/, '3'))
  for (const uri of [...resources.map((resource) => resource.uri), ...fromTemplates, 'demo://nowhere'])
    await note(`resource ${uri}`, client.readResource({ uri }))

  // Below the level nothing is said: the first line is about the second subscription.
  const [one, two] = ['demo://resource/dynamic/text/1', 'demo://resource/dynamic/text/2'] as const
  await client.setLoggingLevel('error')
  await client.subscribeResource({ uri: one })
  await client.setLoggingLevel('debug')
  await client.subscribeResource({ uri: two })
  await note('updates on', peer.call('toggle-subscriber-updates', {}))
  await expect.poll(() => new Set(updated)).toEqual(new Set([one, two]))
  await note('updates off', peer.call('toggle-subscriber-updates', {}))

  await client.unsubscribeResource({ uri: one })
  await expect.poll(() => logged.some(mentions('Received Unsubscribe Resource request'))).toBe(true)
  updated.length = 0 // that line came after the last of them, on the same stream
  await note('updates of one on', peer.call('toggle-subscriber-updates', {}))
  await expect.poll(() => updated).toContain(two)
  await note('updates of one off', peer.call('toggle-subscriber-updates', {}))
  expect(updated).not.toContain(one)

  await note('logging on', peer.call('toggle-simulated-logging', {}))
  await expect.poll(() => logged.some(isSimulated)).toBe(true)
  await note('logging off', peer.call('toggle-simulated-logging', {}))

  transcript.asked = peer.asked
  // How often the roots were asked for, and how many lines were simulated, depends on the time.
  transcript.logged = logged.filter((params) => !mentions(rootsAreThere)(params) && !isSimulated(params))
  return madeEqual(transcript, peer.sessionId) as Record<string, unknown>
}

function given<Args>(calls: Readonly<Record<string, readonly Args[]>>, name: string): readonly Args[] {
  const those = calls[name]
  if (!those) throw new TypeError(`${name} is new: nobody says what to call it with`)
  return those
}

/** Of `get-env`: the values may be secrets, and a test that fails prints them. */
function namesOnly(answer: unknown): unknown {
  const { content } = answer as { content: [{ text: string }] }
  return Object.keys(JSON.parse(content[0].text))
}

const mentions = (text: string) => (params: unknown) => JSON.stringify(params).includes(text)

/** Whether these are the parameters of a line that `toggle-simulated-logging` has written, of a level drawn by lot. */
function isSimulated(params: unknown): boolean {
  const { data } = params as { data?: unknown }
  return typeof data === 'string' && /^\w+[- ]level[- ]message/.test(data)
}

/** The same value, without what is another each time. */
function madeEqual(value: unknown, sessionId: string | undefined): unknown {
  const plain = (text: string) =>
    text
      .replaceAll(sessionId ?? 'no session', 'SESSION')
      .replace(/created at .*/g, 'created at TIME')
      .replace(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g, 'UUID') // of an elicitation
      .replace(/\b[\da-f]{32}\b/g, 'TASK')
  if (typeof value === 'string') return plain(value)
  if (Array.isArray(value)) return value.map((item) => madeEqual(item, sessionId))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (key === 'blob' && typeof item === 'string')
        return [key, plain(Buffer.from(item, 'base64').toString('latin1'))]
      if (key === 'createdAt' || key === 'lastUpdatedAt') return [key, 'TIME']
      return [plain(key), madeEqual(item, sessionId)]
    }),
  )
}
