/**
 * A request that a tool cannot answer. Thrown in a handler: the SDK sends its message to the caller as a tool error.
 */
export class Unanswerable extends Error {
  override readonly name = 'Unanswerable'
}

/** A tool's answer in both forms: data for programs, one sentence for people. */
export function answer<Data extends Record<string, unknown>>(data: Data, sentence: string) {
  return { structuredContent: data, content: [{ type: 'text' as const, text: sentence }] }
}

/** These tools change nothing and may be called again; `openWorld`: the answer comes from outside this process. */
export function readOnly(openWorld: boolean) {
  return { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: openWorld }
}

// Controls, line separators, and marks that turn the direction of text around.
const invisible = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu

/** A caller's text, safe to show in a terminal or a log: control characters are written `\u001b`. */
export function printable(text: string): string {
  return text.replace(invisible, (mark) => `\\u${mark.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
