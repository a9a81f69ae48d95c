import type { Dispatcher } from 'undici'

// Forms of what clients send and of what the server behind answers.

/** Why an answer cannot be passed on, as it looks from its head; undefined where it can. */
export function problemOf({ statusCode, headers }: Dispatcher.ResponseData): string | undefined {
  const { 'content-encoding': coding = 'identity', 'transfer-encoding': transfer = 'chunked' } = headers
  if (statusCode >= 300 && statusCode < 400)
    return `answered with a redirect (${statusCode}), which is not followed: name the URL that it leads to`
  if (statusCode > 599) return `answered with status ${statusCode}, which HTTP does not have`
  if (String(coding).toLowerCase() !== 'identity' || !/^chunked$/i.test(String(transfer)))
    return 'answered in a compressed form, for which it was not asked'
  return undefined
}

/** One message, or a batch, which has some. */
export function messagesOf(body: unknown): readonly unknown[] {
  return Array.isArray(body) && body.length > 0 ? body : [body]
}

/** What is none might be read behind as what nobody has judged. */
export function isMessage(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { jsonrpc, method, id } = value as Record<string, unknown>
  return jsonrpc === '2.0' && (typeof method === 'string' || (method === undefined && id !== undefined))
}

/** An error that is about no request of its own (JSON-RPC 2.0 section 5): it has the words for all of them. */
export function isErrorOfAll(message: unknown): boolean {
  const { id, error } = (message ?? {}) as { readonly id?: unknown; readonly error?: unknown }
  return (id ?? null) === null && typeof error === 'object' && error !== null
}

export function isJson(type = ''): boolean {
  return /^application\/json[ \t]*(;|$)/i.test(type)
}
