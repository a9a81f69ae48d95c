import type { Call } from '../../auth/call.js'
import type { ListedItem } from '../../auth/policy/policy.js'

/**
 * The result of completing a template of resources, without the values that lead to what the caller may not use. Variables that have no value yet
 * are left open, as in a list of templates.
 */
export function shownCompletions(
  { method, target, arguments: argument, settled }: Call,
  result: unknown,
  mayUse: (item: ListedItem) => boolean,
): unknown {
  if (method !== 'completion/complete' || target.kind !== 'resource') return result
  const { completion } = fieldsOf(result)
  const { values } = fieldsOf(completion)
  const { name } = fieldsOf(argument)
  if (!Array.isArray(values) || typeof name !== 'string') return result
  const shown = values.filter((value) => {
    const uri = filled(target.uri, { ...fieldsOf(settled), [name]: value })
    return mayUse({ kind: uri.includes('{') ? 'template' : 'resource', uri })
  })
  if (shown.length === values.length) return result
  const { total: _, ...kept } = fieldsOf(completion) // it would tell of the others
  return { ...fieldsOf(result), completion: { ...kept, values: shown } }
}

/** Simple and reserved expansion (RFC 6570 sections 3.2.2 and 3.2.3); what has no value stays, and other forms do. */
function filled(template: string, values: Readonly<Record<string, unknown>>): string {
  return template.replace(/\{(\+?)([\w.%]+)\}/g, (whole, reserved, name) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (typeof value !== 'string') return whole
    return reserved ? encodeURI(value) : encodeURIComponent(value)
  })
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}
