import { isObject } from '../../relay/message.js'

type Json = Readonly<Record<string, unknown>>

/** What several servers offer, taken together: whatever one of them has. Its lists change when one comes or goes. */
export function mergedCapabilities(all: readonly Json[]): Json {
  const capabilities = all.reduce(merged, {})
  const listed = ['tools', 'prompts', 'resources'].filter((kind) => isObject(capabilities[kind]))
  const changing = listed.map((kind) => [kind, { ...(capabilities[kind] as Json), listChanged: true }])
  return { ...capabilities, ...Object.fromEntries(changing) }
}

function merged(one: Json, other: Json): Json {
  const keys = new Set([...Object.keys(one), ...Object.keys(other)])
  return Object.fromEntries([...keys].map((key) => [key, mergedValue(one[key], other[key])]))
}

function mergedValue(one: unknown, other: unknown): unknown {
  if (isObject(one) && isObject(other)) return merged(one, other)
  return one === undefined || one === false ? (other ?? one) : one
}

/** Each under the name of its server. */
export function mergedInstructions(
  all: readonly (readonly [name: string, text: unknown])[],
): string | undefined {
  const texts = all.flatMap(([name, text]) =>
    typeof text === 'string' && text.trim() !== '' ? [`## ${name}\n\n${text.trim()}`] : [],
  )
  return texts.length === 0 ? undefined : texts.join('\n\n')
}

/** How long an answer of several holds, and for whom (2026-07-28): as the most careful of them says. */
export function mergedCaching(all: readonly Json[]): Json {
  const times = all.map(({ ttlMs }) => ttlMs).filter((ms) => typeof ms === 'number')
  const scopes = all.map(({ cacheScope }) => cacheScope).filter((scope) => scope !== undefined)
  return {
    ...(all.some(({ resultType }) => resultType !== undefined) && { resultType: 'complete' }),
    ...(times.length > 0 && { ttlMs: times.length < all.length ? 0 : Math.min(...times) }),
    ...(scopes.length > 0 && {
      cacheScope: scopes.every((scope) => scope === 'public') ? 'public' : 'private',
    }),
  }
}
