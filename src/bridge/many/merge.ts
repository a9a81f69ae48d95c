import { isObject } from '../../relay/message.js'
import { shortened } from '../../text/shortened.js'

type Json = Readonly<Record<string, unknown>>

const kinds = ['tools', 'prompts', 'resources']

/** Characters of the instructions of one server. */
const instructionsAtMost = 64 * 1024

/**
 * What several servers offer, taken together: whatever one of them has, and lists of everything where one has not said it yet. The
 * lists change when a server comes or goes.
 */
export function mergedCapabilities(all: readonly Json[], isWhole: boolean): Json {
  const promised = isWhole ? {} : Object.fromEntries(kinds.map((kind) => [kind, {}]))
  const capabilities = all.reduce(merged, promised)
  const listed = kinds.filter((kind) => isObject(capabilities[kind]))
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
    typeof text === 'string' && text.trim() !== ''
      ? [`## ${name}\n\n${shortened(text.trim(), instructionsAtMost)}`]
      : [],
  )
  return texts.length === 0 ? undefined : texts.join('\n\n')
}

/**
 * How long an answer of several holds, and for whom (2026-07-28): as the most careful of them says, and not at all while one is
 * missing.
 */
export function mergedCaching(all: readonly Json[], isWhole: boolean): Json {
  const times = all.map(({ ttlMs }) => ttlMs).filter((ms) => typeof ms === 'number')
  const scopes = all.map(({ cacheScope }) => cacheScope).filter((scope) => scope !== undefined)
  return {
    ...(all.some(({ resultType }) => resultType !== undefined) && { resultType: 'complete' }),
    ...(times.length > 0 && { ttlMs: isWhole && times.length === all.length ? Math.min(...times) : 0 }),
    ...(scopes.length > 0 && {
      cacheScope: scopes.every((scope) => scope === 'public') ? 'public' : 'private',
    }),
  }
}
