import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Message } from './compare/clients.js'
import { type ForeignServer, foreignServer } from './foreign-server.js'
import type { World } from './world.js'

/** What a method is answered with, a result or `{ error }`; undefined when it has answered by itself, or never does. */
export type Answering = (params: Message['params'], response: ServerResponse) => object | undefined

const initialize = {
  protocolVersion: '2025-11-25',
  capabilities: { tools: {}, prompts: {}, resources: { subscribe: true }, logging: {}, completions: {} },
  serverInfo: { name: 'strange', version: '1' },
}

/** A server of 2025-11-25, without a session, that does with each request what the test wants: all that an evil one may. */
export function strangeServer(
  world: World,
  answers: Readonly<Record<string, Answering>>,
  port = 0,
): Promise<ForeignServer> {
  const answer = ({ method }: IncomingMessage, response: ServerResponse, body: string): void => {
    if (method !== 'POST') return void response.writeHead(405).end()
    const message = JSON.parse(body)
    if (message.id === undefined || message.method === undefined) return void response.writeHead(202).end()
    const answering = answers[message.method]
    if (!answering && message.method !== 'initialize')
      return say(response, { id: message.id, error: { code: -32_601, message: 'no such method' } })
    const result = answering ? answering(message.params, response) : initialize
    if (result) say(response, { id: message.id, ...('error' in result ? result : { result }) })
  }
  return foreignServer(world.server, answer, port)
}

function say(response: ServerResponse, message: Message): void {
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ jsonrpc: '2.0', ...message }))
}

/** Says these as events of the answer, which goes on. */
export function sayEvents(response: ServerResponse, messages: readonly Message[]): undefined {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  for (const message of messages)
    response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`)
}
