import { completable, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { addResources, embedded, image, text } from './content.js'
import { addInputRequired, requestState } from './input-required.js'
import { addAskingTools, addPlainTools, addProtocolTools, type ListNotifier } from './tools.js'

/**
 * A server with every tool, resource and prompt that scenarios of the conformance suite call by name, in both protocol
 * eras. `notifier` gives what tells open subscriptions of a change; undefined where nothing does.
 */
export function conformanceServer(notifier: () => ListNotifier | undefined): McpServer {
  const changes = { listChanged: true }
  const server = new McpServer(
    { name: 'conformance', version: '1.0.0' },
    {
      capabilities: {
        tools: changes,
        resources: { subscribe: true, ...changes },
        prompts: changes,
        logging: {},
        completions: {},
      },
      requestState: { verify: requestState.verify },
    },
  )
  addPlainTools(server)
  addAskingTools(server)
  addProtocolTools(server, notifier)
  addInputRequired(server)
  addResources(server)
  addPrompts(server)
  return server
}

function addPrompts(server: McpServer): void {
  const say = (...contents: (ReturnType<typeof text> | typeof image | ReturnType<typeof embedded>)[]) => ({
    messages: contents.map((content) => ({ role: 'user' as const, content })),
  })
  server.registerPrompt('test_simple_prompt', { description: 'Has no arguments' }, () =>
    say(text('This is a simple prompt for testing.')),
  )
  const cities = ['paris', 'park', 'party']
  server.registerPrompt(
    'test_prompt_with_arguments',
    {
      description: 'Has two arguments; the first is completed',
      argsSchema: z.object({
        arg1: completable(z.string(), (value) => cities.filter((city) => city.startsWith(value))),
        arg2: z.string(),
      }),
    },
    ({ arg1, arg2 }) => say(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  )
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'Has a resource in it', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) =>
      say(
        embedded(resourceUri, 'text/plain', 'Embedded resource content for testing.'),
        text('Please process the embedded resource above.'),
      ),
  )
  server.registerPrompt('test_prompt_with_image', { description: 'Has an image in it' }, () =>
    say(image, text('Please analyze the image above.')),
  )
}
