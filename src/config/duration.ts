const units = { ms: 1, s: 1000, m: 60_000 } as const

/** `500ms`, `30s`, `5m`, or a bare number of milliseconds → milliseconds; undefined when it is none of these. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text.trim())
  if (match === null) return undefined
  return Math.round(Number(match[1]) * units[(match[2] ?? 'ms') as keyof typeof units])
}
