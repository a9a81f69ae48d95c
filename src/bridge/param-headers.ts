import { isObject } from '../relay/message.js'

/** Where in the arguments a value is, and the header that repeats it. */
interface Declared {
  readonly path: readonly string[]
  readonly header: string
}

/** Tools whose headers are remembered. */
const toolsAtMost = 10_000
const headersAtMost = 100
const depthAtMost = 20
/** Of HTTP, RFC 9110 section 5.6.2. */
const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/**
 * Headers that repeat arguments of a tool, for proxies that do not read bodies (2026-07-28, "Custom headers from tool parameters"): a
 * tool says in its schema which (`x-mcp-header`), and a server may refuse calls without them.
 */
export class ParamHeaders {
  readonly #tools = new Map<string, readonly Declared[]>()

  /** Remembers what tools of an answer to `tools/list` want. */
  note({ tools }: Readonly<Record<string, unknown>>): void {
    if (!Array.isArray(tools)) return
    for (const tool of tools) {
      if (!isObject(tool) || typeof tool.name !== 'string') continue
      const declared = declaredIn(tool.inputSchema, []).slice(0, headersAtMost)
      this.#tools.delete(tool.name)
      if (declared.length > 0 && this.#tools.size < toolsAtMost) this.#tools.set(tool.name, declared)
    }
  }

  /** The headers of a call; none for a tool that was not listed. */
  of({ name, arguments: args }: Readonly<Record<string, unknown>>): Record<string, string> {
    const headers: Record<string, string> = {}
    for (const { path, header } of this.#tools.get(String(name)) ?? []) {
      const value = path.reduce<unknown>((inner, key) => (isObject(inner) ? inner[key] : undefined), args)
      if (['string', 'boolean'].includes(typeof value) || isExact(value))
        headers[`mcp-param-${header}`] = fieldValue(String(value))
    }
    return headers
  }
}

function declaredIn(schema: unknown, path: readonly string[]): Declared[] {
  if (!isObject(schema) || path.length > depthAtMost) return []
  const { 'x-mcp-header': header, properties } = schema
  const own = typeof header === 'string' && token.test(header) && path.length > 0 ? [{ path, header }] : []
  const inner = isObject(properties) ? Object.entries(properties) : []
  return [...own, ...inner.flatMap(([key, value]) => declaredIn(value, [...path, key]))]
}

/** As text, a whole number beyond these may be another. */
function isExact(value: unknown): boolean {
  return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value))
}

/** As it is, where HTTP carries it so; otherwise as base64 of UTF-8. */
function fieldValue(text: string): string {
  const isPlain =
    /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !/^=\?base64\?.*\?=$/s.test(text)
  return isPlain ? text : `=?base64?${Buffer.from(text).toString('base64')}?=`
}
