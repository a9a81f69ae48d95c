import { type Place, type PolicyProblem, problem } from './problem.js'

/** What a text or an object holds, before it is known to be a policy. */
export type DocumentNode = DocumentMap | DocumentList | DocumentScalar

export interface DocumentMap {
  readonly type: 'map'
  readonly place: Place | undefined
  /** Each key once. */
  readonly entries: readonly DocumentEntry[]
}

export interface DocumentEntry {
  readonly key: string
  readonly place: Place | undefined
  readonly value: DocumentNode
}

export interface DocumentList {
  readonly type: 'list'
  readonly place: Place | undefined
  readonly items: readonly DocumentNode[]
}

export interface DocumentScalar {
  readonly type: 'scalar'
  readonly place: Place | undefined
  readonly value: unknown
}

export interface ReadDocument {
  /** Undefined when nothing in it can be relied on. */
  readonly root: DocumentNode | undefined
  readonly problems: readonly PolicyProblem[]
}

/** The path of what stands below. */
export function below(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`
  return path === '' ? key : `${path}.${key}`
}

const deepest = 12

/** A plain object, as a program gives it. */
export function objectDocument(value: unknown): ReadDocument {
  const problems: PolicyProblem[] = []
  const read = (value: unknown, path: string, depth: number): DocumentNode => {
    const place = undefined
    if (Array.isArray(value) && depth < deepest)
      return { type: 'list', place, items: value.map((item, at) => read(item, below(path, at), depth + 1)) }
    if (!isPlainObject(value) || depth >= deepest) return { type: 'scalar', place, value }
    const entries = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => ({ key, place, value: read(member, below(path, key), depth + 1) }))
    return { type: 'map', place, entries }
  }
  try {
    return { root: read(value, '', 0), problems }
  } catch (error) {
    const message = `cannot be read: ${error instanceof Error ? error.message : String(error)}`
    return { root: undefined, problems: [problem('', undefined, message, 'Give an object of plain values.')] }
  }
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
