import { isDeepStrictEqual } from 'node:util'
import type { CreateMessageResult } from '@modelcontextprotocol/sdk/types.js'
import { describe, expect, test } from 'vitest'
import { fixture, fixtureScript } from '../../expose/programs/script.js'
import { scratch } from '../scratch.js'
import { type Behaviour, clientV1, clientV2, clientV2Auto, type Message } from './clients.js'
import { everythingProgram, everythingScript } from './everything.js'
import { filesystemRun } from './filesystem.js'
import { transcriptOf } from './transcript.js'

const clients = [
  ['SDK v1', clientV1],
  ['SDK v2', clientV2],
  ['SDK v2 that looks for a newer era first', clientV2Auto],
] as const

describe.each(clients)('a client of %s gets the same twice', (_sdk, open) => {
  test('of the reference server', async () => {
    const once = () => transcriptOf(open, everythingProgram, everythingScript)
    const [one, other] = await Promise.all([once(), once()])
    expect(other).toEqual(one)
    expect(one.cancelled).toMatchObject({ failed: { message: expect.stringContaining('enough of it') } })
    expect(one['progress of trigger-long-running-operation 0']).toMatchObject([
      [1, 2, 3, 4].map((progress) => ({ progress, total: 4 })),
    ])
    expect(one.logged).toHaveLength(2)
  })

  test('of the file system server, whose root is the one that the client tells', async () => {
    const once = () => {
      const { way, script, behaviour } = filesystemRun(scratch())
      return transcriptOf(open, way, script, behaviour)
    }
    const [one, other] = await Promise.all([once(), once()])
    expect(other).toEqual(one)
    expect(one['tool search_files 0']).toMatchObject({
      content: [{ text: 'ROOT/large.txt\nROOT/made/moved.txt\nROOT/notes/poem.txt' }],
    })
  })
})

const sampled = (text: string): CreateMessageResult => ({
  model: 'a-model',
  role: 'assistant',
  content: { type: 'text', text },
})
const ofTool = (message: Message, text: string) => JSON.stringify(message.result?.content)?.includes(text)
const isA = (method: string) => (message: Message) => message.method === method
const unlessIt = (is: (message: Message) => boolean) => (message: Message) =>
  is(message) ? undefined : message
const withChanged = (is: (message: Message) => boolean | undefined, change: (message: Message) => void) => {
  return (message: Message) => {
    const copy = structuredClone(message)
    if (is(copy)) change(copy)
    return copy
  }
}

describe('one change is a difference', () => {
  const changes: readonly (readonly [string, Behaviour])[] = [
    [
      'a text',
      {
        tamper: withChanged(
          (message) => ofTool(message, 'took its time'),
          ({ result }) => {
            result.content[0].text += ' '
          },
        ),
      },
    ],
    [
      'a key of an answer',
      {
        tamper: withChanged(
          (message) => ofTool(message, 'it did not work'),
          ({ result }) => {
            delete result.isError
          },
        ),
      },
    ],
    [
      'a key beside',
      {
        tamper: withChanged(
          (message) => ofTool(message, 'logged'),
          ({ result }) => {
            result._meta = { 'mcp-mtls/caller': {} }
          },
        ),
      },
    ],
    [
      'the data of an error',
      {
        tamper: withChanged(
          (message) => message.error?.code === -32050,
          ({ error }) => {
            delete error.data
          },
        ),
      },
    ],
    [
      'what the server is called',
      {
        tamper: withChanged(
          (message) => message.result?.serverInfo !== undefined,
          ({ result }) => {
            result.serverInfo.version += '.1'
          },
        ),
      },
    ],
    [
      'a tool less',
      {
        tamper: withChanged(
          (message) => message.result?.tools !== undefined,
          ({ result }) => {
            result.tools.pop()
          },
        ),
      },
    ],
    ['no progress of some', { tamper: unlessIt((message) => message.params?.total === 3) }],
    ['no log lines', { tamper: unlessIt(isA('notifications/message')) }],
    ['no updates', { tamper: unlessIt(isA('notifications/resources/updated')) }],
    [
      'a question put in other words',
      {
        tamper: withChanged(isA('elicitation/create'), ({ params }) => {
          params.message += '?'
        }),
      },
    ],
    ['another answer to a question', { elicited: { action: 'decline' } }],
    ['other roots', { roots: [] }],
    ['another thing that a model says', { sampled: sampled('Something else') }],
  ]

  test.each(changes)('%s', async (_change, behaviour) => {
    const [honest, changed] = await Promise.all([
      transcriptOf(clientV2, fixture(), fixtureScript),
      transcriptOf(clientV2, fixture(), { ...fixtureScript, patience: 200 }, behaviour),
    ])
    expect(changed).not.toEqual(honest)
    const different = Object.keys(honest).filter((step) => !isDeepStrictEqual(honest[step], changed[step]))
    expect(different.length).toBeLessThanOrEqual(5)
  })
})
