/** The variables of conditions: what they are called, of which type, and what they hold. Docs show this table. */
export const conditionVariables = Object.freeze({
  'source.id': ['string', 'the identity of the caller, as `whoami` shows it'],
  'source.spiffeId': ['string', 'its SPIFFE ID'],
  'source.subjectAltNames': [
    'list<string>',
    'its alternative names, written as in rules: `dns:…`, `spiffe://…`',
  ],
  'source.subjectCn': ['string', 'the common name of its certificate'],
  'source.issuer': ['string', 'the name of the issuer of its certificate (RFC 4514)'],
  'source.serial': ['string', 'the serial number of its certificate: lower-case hex without leading zeros'],
  'source.fingerprint256': ['string', 'the SHA-256 of its certificate: 64 lower-case hex digits'],
  'source.address': ['string', 'the IP address that it calls from; compare it with inCidr()'],
  'mcp.server': ['string', 'the name of the server that is called'],
  'mcp.method': ['string', 'the method of the request: `tools/call`'],
  'mcp.tool.name': ['string', 'the tool that is called'],
  'mcp.tool.arguments': ['map', 'its arguments; a number is a double'],
  'mcp.resource.uri': ['string', 'the URI of the resource'],
  'mcp.prompt.name': ['string', 'the name of the prompt'],
  now: ['google.protobuf.Timestamp', 'the time of the call'],
} as const satisfies Record<string, readonly [type: string, meaning: string]>)

export type ConditionVariable = keyof typeof conditionVariables

export function isConditionVariable(path: string): path is ConditionVariable {
  return Object.hasOwn(conditionVariables, path)
}
