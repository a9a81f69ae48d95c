import { randomBytes } from 'node:crypto'
import {
  acceptedContent,
  createRequestStateCodec,
  type InputRequiredResult,
  inputRequired,
  inputResponse,
  type McpServer,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { z } from 'zod'
import { declared, text } from './content.js'

/** Signs what goes through the client; one key for all requests of the process. */
export const requestState = createRequestStateCodec<{ step: string }>({ key: randomBytes(32) })

const ask = (message: string, field: string) =>
  inputRequired.elicit({
    message,
    requestedSchema: { type: 'object', properties: { [field]: { type: 'string' } }, required: [field] },
  })
const askName = ask('What is your name?', 'name')
const askModel = (question: string, maxTokens = 100) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: text(question) }], maxTokens })

/** Tools and a prompt that ask by an answer which says what they need (2026-07-28). */
export function addInputRequired(server: McpServer): void {
  type Answer = { content: ReturnType<typeof text>[] } | InputRequiredResult
  const add = (name: string, run: (context: ServerContext['mcpReq']) => Promise<Answer> | Answer) =>
    server.registerTool(
      name,
      { description: `Needs input: ${name}`, inputSchema: z.object({}) },
      (_input, context) => run(context.mcpReq),
    )
  const done = (...values: string[]): Answer => ({ content: values.map(text) })
  /** The string that the user gave in this field; undefined when there is none, or not such a one. */
  const given = (request: ServerContext['mcpReq'], key: string, field: string) =>
    acceptedContent(request.inputResponses, key, z.object({ [field]: z.string() }))?.[field]

  for (const name of ['test_input_required_result_elicitation', 'test_streaming_elicitation'])
    add(name, (request) => {
      const user = given(request, 'user_name', 'name')
      return user ? done(`Hello, ${user}!`) : inputRequired({ inputRequests: { user_name: askName } })
    })
  // The SDK refuses to ask a client that has not declared that it can sample.
  for (const name of ['test_input_required_result_sampling', 'test_missing_capability'])
    add(name, ({ inputResponses }) => {
      const answer = inputResponse(inputResponses, 'capital_question')
      if (answer.kind === 'sampling') return done(JSON.stringify(answer.result.content))
      return inputRequired({
        inputRequests: { capital_question: askModel('What is the capital of France?') },
      })
    })
  add('test_input_required_result_list_roots', ({ inputResponses }) => {
    const answer = inputResponse(inputResponses, 'client_roots')
    if (answer.kind === 'roots') return done(JSON.stringify(answer.roots))
    return inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } })
  })
  const confirm = inputRequired.elicit({
    message: 'Please confirm',
    requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
  })
  for (const name of [
    'test_input_required_result_request_state',
    'test_input_required_result_tampered_state',
  ])
    add(name, async (request) =>
      request.requestState<{ step: string }>()?.step === 'confirm'
        ? done('state-ok')
        : inputRequired({
            inputRequests: { confirm },
            requestState: await requestState.mint({ step: 'confirm' }),
          }),
    )
  add('test_input_required_result_multiple_inputs', async (request) => {
    const name = given(request, 'user_name', 'name')
    const greeting = inputResponse(request.inputResponses, 'greeting')
    const roots = inputResponse(request.inputResponses, 'client_roots')
    if (name && greeting.kind === 'sampling' && roots.kind === 'roots')
      return done(name, JSON.stringify(greeting.result.content), JSON.stringify(roots.roots))
    return inputRequired({
      inputRequests: {
        user_name: askName,
        greeting: askModel('Generate a greeting', 50),
        client_roots: inputRequired.listRoots(),
      },
      requestState: await requestState.mint({ step: 'all' }),
    })
  })
  add('test_input_required_result_multi_round', async (request) => {
    const step = request.requestState<{ step: string }>()?.step
    const color = given(request, 'step2', 'color')
    if (step?.startsWith('second ') && color) return done(`${step.slice('second '.length)} likes ${color}`)
    const name = given(request, 'step1', 'name')
    if (step === 'first' && name)
      return inputRequired({
        inputRequests: { step2: ask('Step 2: What is your favorite color?', 'color') },
        requestState: await requestState.mint({ step: `second ${name}` }),
      })
    return inputRequired({
      inputRequests: { step1: ask('Step 1: What is your name?', 'name') },
      requestState: await requestState.mint({ step: 'first' }),
    })
  })
  add('test_input_required_result_capabilities', (request) => {
    const can = declared(request)
    const inputRequests = {
      ...(can.elicitation && { user_name: askName }),
      ...(can.sampling && { greeting: askModel('Generate a greeting') }),
      ...(can.roots && { client_roots: inputRequired.listRoots() }),
    }
    if (request.inputResponses || Object.keys(inputRequests).length === 0) return done('No more questions')
    return inputRequired({ inputRequests })
  })
  server.registerPrompt(
    'test_input_required_result_prompt',
    { description: 'Needs input before it answers' },
    ({ mcpReq }) => {
      const context = given(mcpReq, 'user_context', 'context')
      if (!context)
        return inputRequired({
          inputRequests: { user_context: ask('What context should the prompt use?', 'context') },
        })
      return { messages: [{ role: 'user', content: text(`Context: ${context}`) }] }
    },
  )
}
