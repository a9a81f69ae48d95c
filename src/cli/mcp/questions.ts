import {
  type CreateMessageRequest,
  type CreateMessageResult,
  type ElicitRequest,
  type ElicitResult,
  ProtocolError,
} from '@modelcontextprotocol/client'
import type { Handlers } from '../../client/index.js'
import { ofPeer } from '../../text/of-peer.js'
import { safeLines } from './foreign-text.js'
import { fillForm } from './form.js'
import type { Terminal } from './terminal.js'
import type { TimeLimit } from './time-limit.js'

/** Pages, too, of what `answersTo` answers. */
export const capabilities = { elicitation: { form: {}, url: {} } }

interface Asked {
  readonly terminal: Terminal
  readonly limit: TimeLimit
  /** Who asks, for people. */
  readonly server: string
  /** What `roots/list` is answered with. */
  readonly roots: readonly { readonly uri: string; readonly name: string }[]
}

/** As MCP has it for a user who says no to sampling. */
const userRejected = -1

/** Lets the server ask whoever sits at the terminal. Without one each question is told, and answered with a no. */
export function answersTo({ terminal, limit, server, roots }: Asked): Handlers {
  /** While a person thinks, no time runs. */
  const talk = <T>(converse: () => Promise<T>) =>
    terminal.inTurn(async () => {
      limit.pause()
      try {
        return await converse()
      } finally {
        limit.resume()
      }
    })
  const cannotAsk = (what: string, answer: string) => {
    if (terminal.isThere) return false
    terminal.tell([
      `warning: ${server} ${what}, and there is no terminal to ask on (stdin and stderr must be one): ${answer}`,
    ])
    return true
  }
  return {
    'elicitation/create': async ({ params }): Promise<ElicitResult> => {
      if (cannotAsk(`asks ${JSON.stringify(ofPeer(params.message))}`, 'answered with "cancel"'))
        return { action: 'cancel' }
      return talk(() => elicit(params, terminal, server))
    },
    'sampling/createMessage': async ({ params }): Promise<CreateMessageResult> => {
      if (cannotAsk('asks for the words of a language model', 'refused'))
        throw new ProtocolError(userRejected, 'there is no language model here, and no terminal to ask on')
      return talk(() => sample(params, terminal, server))
    },
    'roots/list': async () => ({ roots: [...roots] }),
  }
}

async function elicit(
  params: ElicitRequest['params'],
  terminal: Terminal,
  server: string,
): Promise<ElicitResult> {
  terminal.tell([`${server} asks:`, ...quoted(params.message)])
  if (params.mode !== 'url') return fillForm(params.requestedSchema, terminal)
  const { url } = params
  terminal.tell([
    `It wants you to open this page, and goes on when you are done: ${ofPeer(url, 2000)}`,
    ...(/^https:\/\//i.test(url) ? [] : ['warning: this is no https:// page']),
  ])
  for (;;) {
    const line = await terminal.ask('Done? y (yes), n (no), c (cancel): ')
    const [first] = (line ?? 'c').trim().toLowerCase()
    if (first === 'y') return { action: 'accept' }
    if (first === 'n') return { action: 'decline' }
    if (first === 'c') return { action: 'cancel' }
  }
}

async function sample(
  { systemPrompt, messages }: CreateMessageRequest['params'],
  terminal: Terminal,
  server: string,
): Promise<CreateMessageResult> {
  const said = messages.flatMap(({ role, content }) =>
    [content]
      .flat()
      .flatMap((part) => [
        `  ${ofPeer(role, 20)}:`,
        ...(part.type === 'text' ? quoted(part.text) : [`    [${ofPeer(part.type, 40)}]`]),
      ]),
  )
  terminal.tell([
    `${server} asks for what a language model would say. There is none here: type it yourself.`,
    ...(systemPrompt === undefined ? [] : ['  system:', ...quoted(systemPrompt)]),
    ...said,
  ])
  const line = await terminal.ask('Answer, or an empty line to refuse: ')
  if (line === undefined || line.trim() === '')
    throw new ProtocolError(userRejected, 'the user refused to answer')
  return {
    role: 'assistant',
    content: { type: 'text', text: line },
    model: 'a person',
    stopReason: 'endTurn',
  }
}

function quoted(text: string): string[] {
  return safeLines(text.slice(0, 10_000)).map((line) => `    ${line}`)
}
