/** Deeper values than this have no canonical text here: JSON.parse takes a million brackets, a stack of calls does not. */
const deepest = 500

/**
 * The canonical text of a value that JSON.parse has made (RFC 8785): keys in the order of their UTF-16 code units, no
 * space, numbers and strings as ECMAScript writes them. Undefined for one that is nested more than 500 deep. A lone
 * surrogate, which the RFC refuses, is written as its escape.
 */
export function canonicalJson(value: unknown): string | undefined {
  try {
    return textOf(value, 0)
  } catch (error) {
    if (error === tooDeep) return undefined
    throw error
  }
}

const tooDeep = new Error('nested too deep')

function textOf(value: unknown, depth: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if (depth === deepest) throw tooDeep
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item, depth + 1)).join(',')}]`
  const fields = value as Readonly<Record<string, unknown>>
  let members = ''
  for (const key of Object.keys(fields).sort())
    if (fields[key] !== undefined)
      members += `${members && ','}${JSON.stringify(key)}:${textOf(fields[key], depth + 1)}`
  return `{${members}}`
}
