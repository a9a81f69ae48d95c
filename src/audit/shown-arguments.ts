import { printableJson } from '../text/printable.js'
import { shortened } from '../text/shortened.js'

/** Characters of the arguments of one call that a line holds at most, about. */
const room = 8192
const deepest = 32
const left = '"…"'
const secret = '"[redacted]"'

/** Keys whose values are left out when nobody says which. */
export const usualSecrets: readonly string[] = [
  'password',
  'passwd',
  'passphrase',
  'pin',
  'secret',
  'client_secret',
  'clientSecret',
  'token',
  'access_token',
  'accessToken',
  'refresh_token',
  'refreshToken',
  'authorization',
  'cookie',
  'api_key',
  'apiKey',
  'api-key',
  'private_key',
  'privateKey',
]

/** Says whether the value of a key is left out; keys are compared without case. */
export type IsSecret = (key: string) => boolean

export function secretKeys(keys: readonly string[]): IsSecret {
  const all = new Set(keys.map((key) => key.toLowerCase()))
  return (key) => all.has(key.toLowerCase())
}

/**
 * The JSON text of arguments as a record may hold them: secrets are left out at any depth, texts are cut at 256
 * characters, and what is more than about 8 KiB or 32 levels is `"…"`.
 */
export function shownArguments(value: unknown, isSecret: IsSecret): string {
  const budget = { room }
  return textOf(value, isSecret, budget, 0)
}

function textOf(value: unknown, isSecret: IsSecret, budget: { room: number }, depth: number): string {
  if (typeof value !== 'object' || value === null) return spent(budget, scalar(value))
  if (depth === deepest || budget.room <= 0) return left
  budget.room -= 2
  const parts: string[] = []
  if (Array.isArray(value)) {
    for (const item of value) {
      if (budget.room <= 0) return `[${[...parts, left].join(',')}]`
      parts.push(textOf(item, isSecret, budget, depth + 1))
    }
    return `[${parts.join(',')}]`
  }
  const fields = value as Readonly<Record<string, unknown>>
  // A completion names its argument in `name` and has what was typed so far in `value`.
  const isNamed = typeof fields.name === 'string' && isSecret(fields.name)
  for (const key of Object.keys(fields)) {
    if (budget.room <= 0) return `{${[...parts, `${left}:${left}`].join(',')}}`
    const name = spent(budget, scalar(key))
    const isHidden = isSecret(key) || (isNamed && key === 'value')
    parts.push(`${name}:${isHidden ? secret : textOf(fields[key], isSecret, budget, depth + 1)}`)
  }
  return `{${parts.join(',')}}`
}

function scalar(value: unknown): string {
  const text = typeof value === 'string' ? shortened(value) : value
  return printableJson(JSON.stringify(text) ?? 'null')
}

function spent(budget: { room: number }, text: string): string {
  if (budget.room <= 0) return left
  budget.room -= text.length + 1
  return text
}
