import { z } from 'zod'
import { report } from './problems.js'

/** Those of the connection, and those that MCP sets itself. */
const reserved =
  /^(host|connection|keep-alive|proxy-connection|proxy-authorization|transfer-encoding|content-length|upgrade|te|trailer|expect|accept|content-type|last-event-id|mcp-.*)$/i

/** Why no request may have this header; undefined when it may. Shows no value: it is often a secret. */
export function headerProblem(name: string, value: string): string | undefined {
  if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) return 'is no name of a header'
  if (reserved.test(name)) return 'is set by the connection or by MCP itself'
  // What HTTP allows in a value, RFC 9110 section 5.5, as bytes.
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return 'its value has a character that a header may not have'
  return undefined
}

/** Further headers of every request to a server. */
export const headers = z
  .record(z.string(), z.string({ error: 'text is wanted' }), { error: 'an object of headers is wanted' })
  .superRefine((all, context) => {
    for (const [name, value] of Object.entries(all)) {
      const problem = headerProblem(name, value)
      if (problem !== undefined) report(context, [name], problem)
    }
  })
