import type { AnyMcpServer } from './any-server.js'

type Registry = Readonly<Record<string, Record<string, unknown>>>

/**
 * What was registered on an `McpServer`, by name or URI. Its class keeps that to itself, in both versions of the SDK: undefined
 * where it is kept elsewhere, and whoever asks does without.
 */
export function registered(server: AnyMcpServer):
  | {
      readonly tools: Registry
      readonly prompts: Registry
      readonly resources: Registry
      readonly templates: Registry
    }
  | undefined {
  const {
    _registeredTools: tools,
    _registeredPrompts: prompts,
    _registeredResources: resources,
    _registeredResourceTemplates: templates,
  } = server as unknown as Record<string, unknown>
  const all = [tools, prompts, resources, templates]
  return all.every((one) => typeof one === 'object' && one !== null)
    ? ({ tools, prompts, resources, templates } as ReturnType<typeof registered>)
    : undefined
}
