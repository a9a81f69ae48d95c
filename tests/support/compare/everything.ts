import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { tier } from '../tier.js'
import type { Completion, Peer, Way } from './clients.js'
import type { Note, Script } from './transcript.js'

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

/** Everything that a client can do with the reference server. */
export const everythingScript: Script = {
  tools: toolCalls,
  prompts: promptCalls,
  completions,
  resources: ['demo://resource/dynamic/text/3', 'demo://resource/dynamic/blob/3', 'demo://nowhere'],
  cancelled: { name: 'trigger-long-running-operation', args: { duration: 1, steps: 20 } },
  before: rootsAreAsked,
  after: subscribedAndLogged,
  logged: () => 2,
  isCompared: (params) => !mentions(rootsAreThere)(params) && !isSimulated(params),
  // Which variables a program gets is for the one who starts it. Their values may be secrets, and a test that fails prints them.
  compared: { 'get-env': (answer) => Object.hasOwn(variables(answer), 'PATH') },
}

/** Its program, on stdin and stdout. */
export const everythingProgram: Extract<Way, { command: string }> = {
  command: process.execPath,
  args: [fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'))],
}

const rootsAreThere = 'Roots updated: 1 root(s)'

/** The server asks for the roots a while after the start, on the stream that then is open for all that it says by itself. */
async function rootsAreAsked({ client, logged }: Peer): Promise<void> {
  await expect
    .poll(
      async () => {
        await client.sendRootsListChanged()
        return logged.some(mentions(rootsAreThere))
      },
      { interval: 200 },
    )
    .toBe(true)
}

async function subscribedAndLogged(peer: Peer, note: Note): Promise<void> {
  const { client, logged, updated } = peer
  // Below the level nothing is said: the first line is about the second subscription.
  const [one, two] = ['demo://resource/dynamic/text/1', 'demo://resource/dynamic/text/2'] as const
  await client.setLoggingLevel('error')
  await peer.subscribe(one)
  await client.setLoggingLevel('debug')
  await peer.subscribe(two)
  await note('updates on', peer.call('toggle-subscriber-updates', {}))
  await expect.poll(() => new Set(updated)).toEqual(new Set([one, two]))
  await note('updates off', peer.call('toggle-subscriber-updates', {}))

  await peer.unsubscribe(one)
  await expect.poll(() => logged.some(mentions('Received Unsubscribe Resource request'))).toBe(true)
  updated.length = 0 // that line came after the last of them, on the same stream
  await note('updates of one on', peer.call('toggle-subscriber-updates', {}))
  await expect.poll(() => updated).toContain(two)
  await note('updates of one off', peer.call('toggle-subscriber-updates', {}))
  expect(updated).not.toContain(one)
  updated.length = 0 // how often depends on the time

  await note('logging on', peer.call('toggle-simulated-logging', {}))
  await expect.poll(() => logged.some(isSimulated)).toBe(true)
  await note('logging off', peer.call('toggle-simulated-logging', {}))
}

function variables(answer: unknown): object {
  const { content } = answer as { content: [{ text: string }] }
  return JSON.parse(content[0].text)
}

const mentions = (text: string) => (params: unknown) => JSON.stringify(params).includes(text)

/** Whether these are the parameters of a line that `toggle-simulated-logging` has written, of a level drawn by lot. */
function isSimulated(params: unknown): boolean {
  const { data } = params as { data?: unknown }
  return typeof data === 'string' && /^\w+[- ]level[- ]message/.test(data)
}
