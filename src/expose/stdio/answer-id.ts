import type { Unreadable } from '../../relay/lines.js'

const id = String.raw`"id"\s*:\s*(\d{1,15})`
const version = String.raw`"jsonrpc"\s*:\s*"2\.0"`
const content = String.raw`"(?:result|error)"\s*:`
/** As writers of JSON-RPC put it: before the result, or after it. */
const atHead = new RegExp(
  String.raw`^\s*\{\s*(?:${version}\s*,\s*)?${id}\s*,\s*(?:${version}\s*,\s*)?${content}`,
)
const beforeTail = new RegExp(String.raw`^\s*\{\s*(?:${version}\s*,\s*)?${content}`)
const atTail = new RegExp(String.raw`,\s*${id}\s*(?:,\s*${version}\s*)?\}\s*$`)

/** The id of the request that a line answers which cannot be read as a whole; undefined where it does not show. */
export function answeredId({ head, tail }: Unreadable): number | undefined {
  const found = atHead.exec(head) ?? (beforeTail.test(head) ? atTail.exec(tail) : undefined)
  return found ? Number(found[1]) : undefined
}

/** Whether somebody may wait for it: it begins like an answer, and not like text, or what a server says by itself. */
export function isPerhapsAnswer({ head }: Unreadable): boolean {
  return (
    /^\s*\[?\s*\{\s*"(?:jsonrpc|id|result|error)"\s*:/.test(head) &&
    head.includes('"jsonrpc"') &&
    !head.includes('"method"')
  )
}
