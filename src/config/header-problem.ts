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
