import type { Unreadable } from './lines.js'

const id = String.raw`"id"\s*:\s*(\d{1,15})`
const version = String.raw`"jsonrpc"\s*:\s*"2\.0"`
/** As writers of JSON-RPC put it: before the result, or after it. */
const atHead = new RegExp(String.raw`^\s*\{\s*(?:${version}\s*,\s*)?${id}\s*,`)
const atTail = new RegExp(String.raw`,\s*${id}\s*(?:,\s*${version}\s*)?\}\s*$`)

/** The id of the request that a line answers which cannot be read as a whole; undefined where it does not show. */
export function answeredId({ head, tail }: Unreadable): number | undefined {
  const found = atHead.exec(head) ?? atTail.exec(tail)
  return found ? Number(found[1]) : undefined
}
