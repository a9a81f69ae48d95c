import { fromJsonSchema, type McpServer, type ServerContext } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { embedded, image, text } from './content.js'

/** What a tool calls when it has changed a list: on whatever serves it. */
export interface ListNotifier {
  toolsChanged(): void
  promptsChanged(): void
}

type Content = ReturnType<typeof text> | typeof image | typeof audio | ReturnType<typeof embedded>
const audio = {
  type: 'audio' as const,
  data: 'UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=',
  mimeType: 'audio/wav',
}

/** Tools that answer with one kind of content, or report while they run. */
export function addPlainTools(server: McpServer): void {
  const add = (
    name: string,
    description: string,
    run: (context: ServerContext) => Promise<Content[]> | Content[],
  ) =>
    server.registerTool(name, { description, inputSchema: z.object({}) }, async (_input, context) => ({
      content: await run(context),
    }))

  add('test_simple_text', 'Answers a text', () => [text('This is a simple text response for testing.')])
  add('test_image_content', 'Answers an image', () => [image])
  add('test_audio_content', 'Answers a sound', () => [audio])
  add('test_embedded_resource', 'Answers a resource', () => [
    embedded('test://embedded-resource', 'text/plain', 'This is an embedded resource content.'),
  ])
  add('test_multiple_content_types', 'Answers several kinds of content', () => [
    text('Multiple content types test:'),
    image,
    embedded('test://mixed-content-resource', 'application/json', '{"test":"data","value":123}'),
  ])
  add('test_error_handling', 'Always fails', () => {
    throw new Error('This tool intentionally returns an error for testing')
  })
  add('test_tool_with_logging', 'Logs while it runs', async ({ mcpReq }) => {
    await mcpReq.log('info', 'Tool execution started')
    await mcpReq.log('info', 'Tool processing data')
    await mcpReq.log('info', 'Tool execution completed')
    return [text('Three lines logged')]
  })
  add('test_logging_tool', 'Logs one line', async ({ mcpReq }) => {
    await mcpReq.log('info', 'One line')
    return [text('One line logged')]
  })
  add('test_tool_with_progress', 'Reports progress', async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken
    if (progressToken !== undefined)
      for (const progress of [0, 50, 100])
        await mcpReq.notify({
          method: 'notifications/progress',
          params: { progressToken, progress, total: 100 },
        })
    return [text(`Reported to ${progressToken ?? 'nobody'}`)]
  })
  add('test_reconnection', 'Ends its stream before it answers', ({ http }) => {
    http?.closeSSE?.()
    return [text('Answered after the stream had ended')]
  })
}

/** Tools that ask the client, in the eras in which servers send requests. */
export function addAskingTools(server: McpServer): void {
  server.registerTool(
    'test_sampling',
    { description: 'Asks the model of the client', inputSchema: z.object({ prompt: z.string() }) },
    async ({ prompt }, { mcpReq }) => {
      const { content } = await mcpReq.requestSampling({
        messages: [{ role: 'user', content: text(prompt) }],
        maxTokens: 100,
      })
      return {
        content: [text(`LLM response: ${'text' in content ? content.text : JSON.stringify(content)}`)],
      }
    },
  )

  const elicit = async (
    { mcpReq }: ServerContext,
    message: string,
    properties: object,
    required: string[] = [],
  ) => {
    // `send` keeps the question on the stream of the call; `elicitInput` would take the GET stream.
    const { action, content } = await mcpReq.send({
      method: 'elicitation/create',
      params: { message, requestedSchema: { type: 'object', properties, required } },
    })
    return {
      content: [text(`Elicitation completed: action=${action}, content=${JSON.stringify(content ?? {})}`)],
    }
  }
  server.registerTool(
    'test_elicitation',
    { description: 'Asks the user', inputSchema: z.object({ message: z.string() }) },
    ({ message }, context) =>
      elicit(
        context,
        message,
        {
          username: { type: 'string', description: "User's response" },
          email: { type: 'string', description: "User's email address" },
        },
        ['username', 'email'],
      ),
  )
  server.registerTool(
    'test_elicitation_sep1034_defaults',
    { description: 'Asks the user, with defaults', inputSchema: z.object({}) },
    (_input, context) =>
      elicit(context, 'Are these right?', {
        name: { type: 'string', default: 'John Doe' },
        age: { type: 'integer', default: 30 },
        score: { type: 'number', default: 95.5 },
        status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
        verified: { type: 'boolean', default: true },
      }),
  )
  const options = ['option1', 'option2', 'option3']
  const titled = ['First', 'Second', 'Third'].map((title, index) => ({ const: `value${index + 1}`, title }))
  server.registerTool(
    'test_elicitation_sep1330_enums',
    { description: 'Asks the user to choose', inputSchema: z.object({}) },
    (_input, context) =>
      elicit(context, 'Which?', {
        untitledSingle: { type: 'string', enum: options },
        titledSingle: { type: 'string', oneOf: titled },
        legacyEnum: { type: 'string', enum: ['opt1', 'opt2'], enumNames: ['Option One', 'Option Two'] },
        untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
        titledMulti: { type: 'array', items: { anyOf: titled } },
      }),
  )
}

/** Tools whose schema, headers or side effects are the subject. */
export function addProtocolTools(server: McpServer, notifier: () => ListNotifier | undefined): void {
  server.registerTool(
    'json_schema_2020_12_tool',
    { description: 'Tool with JSON Schema 2020-12 features', inputSchema: fromJsonSchema(schema2020) },
    () => ({ content: [text('The arguments fit the schema')] }),
  )
  server.registerTool(
    'test_x_mcp_header',
    {
      description: 'Wants an argument in a header too',
      inputSchema: fromJsonSchema(headerSchema),
    },
    (input) => ({ content: [text(JSON.stringify(input))] }),
  )
  const change = (name: string, tell: (notifier: ListNotifier) => void) =>
    server.registerTool(
      name,
      { description: 'Says that a list has changed', inputSchema: z.object({}) },
      () => {
        const told = notifier()
        if (told) tell(told)
        return { content: [text(told ? 'Told' : 'Nobody to tell')] }
      },
    )
  change('test_trigger_tool_change', (told) => told.toolsChanged())
  change('test_trigger_prompt_change', (told) => told.promptsChanged())
}

const headerSchema = {
  type: 'object',
  properties: { region: { type: 'string', 'x-mcp-header': 'Region' } },
  required: ['region'],
} as const

const schema2020 = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  $defs: {
    address: {
      $anchor: 'addressDef',
      type: 'object',
      properties: { street: { type: 'string' }, city: { type: 'string' } },
    },
  },
  properties: {
    name: { type: 'string' },
    address: { $ref: '#/$defs/address' },
    contactMethod: { type: 'string', enum: ['phone', 'email'] },
    phone: { type: 'string' },
    email: { type: 'string' },
  },
  allOf: [{ anyOf: [{ required: ['phone'] }, { required: ['email'] }] }],
  if: { properties: { contactMethod: { const: 'phone' } }, required: ['contactMethod'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
  then: { required: ['phone'] },
  else: { required: ['email'] },
  additionalProperties: false,
} as const
