/** One thing that is wrong with a policy. */
export interface PolicyProblem {
  readonly code: 'POLICY_INVALID'
  /** `rules[0].tools[1]`; empty for the whole. */
  readonly path: string
  /** Both from 1; null where there is no text: a policy given as an object. */
  readonly line: number | null
  readonly column: number | null
  readonly message: string
  /** What to do about it. */
  readonly hint: string
}

/** Something that a policy says and that will not do what it seems to. */
export type PolicyWarning = Omit<PolicyProblem, 'code'>

/** Where something stands in a text, both from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

export function problem(
  path: string,
  place: Place | undefined,
  message: string,
  hint: string,
): PolicyProblem {
  const { line = null, column = null } = place ?? {}
  return { code: 'POLICY_INVALID', path, line, column, message, hint }
}

/** In the order of the text. */
export function inOrder(problems: readonly PolicyProblem[]): PolicyProblem[] {
  return [...problems].sort(
    (one, other) => (one.line ?? 0) - (other.line ?? 0) || (one.column ?? 0) - (other.column ?? 0),
  )
}

/** For an error: each problem on a line, the first hint apart. */
export function problemText({ path, line, column, message }: PolicyProblem): string {
  const where = line === null ? '' : `line ${line}, column ${column}: `
  return `${where}${path === '' ? '' : `${path}: `}${message}`
}
