import { MtlsError } from '../../errors.js'
import { isSchema } from './schema.js'
import type { Session } from './session.js'

const mostPages = 1000

const lists = {
  'tools/list': { key: 'tools', capability: 'tools' },
  'prompts/list': { key: 'prompts', capability: 'prompts' },
  'resources/list': { key: 'resources', capability: 'resources' },
  'resources/templates/list': { key: 'resourceTemplates', capability: 'resources' },
} as const

/** A list with everything on all pages, as the server gave it; an empty one where it has none of the kind. */
export async function wholeList(
  { client, tap, teller, target, options }: Session,
  method: keyof typeof lists,
): Promise<Record<string, unknown>> {
  const { key, capability } = lists[method]
  if (!client.getServerCapabilities()?.[capability]) return { [key]: [] }
  const items: unknown[] = []
  const cursors = new Set<string>()
  let first: Record<string, unknown> | undefined
  for (let cursor: string | undefined; ; ) {
    const page = await pageAt(cursor)
    const { nextCursor, ...rest } = page
    first ??= rest
    items.push(...(Array.isArray(page[key]) ? page[key] : []))
    if (typeof nextCursor !== 'string') break
    if (cursors.has(nextCursor)) {
      teller.lines([`warning: the pages of ${method} go in a circle: what came before is shown`])
      break
    }
    cursors.add(nextCursor)
    if (cursors.size >= mostPages)
      throw new MtlsError(
        'CONNECTION_FAILED',
        `${target.name} has more than ${mostPages} pages of ${method}`,
        {
          hint: 'Look at that server: its list may have no end.',
        },
      )
    cursor = nextCursor
  }
  return { ...first, [key]: items }

  async function pageAt(cursor: string | undefined): Promise<Record<string, unknown>> {
    const asked = { method, ...(cursor !== undefined && { params: { cursor } }) }
    const page: unknown = await tap.whole(() => client.request(asked, options))
    return isSchema(page) ? page : {}
  }
}
