import { z } from 'zod'
import { MtlsError, type MtlsErrorCode } from '../errors.js'
import { nearestOf } from '../text/nearest.js'
import { isPemText, withoutSecrets } from '../text/secrets.js'
import { shortened } from '../text/shortened.js'

/** One thing wrong with the configuration: which setting, what is wrong with it. */
export interface Problem {
  readonly code?: MtlsErrorCode
  readonly setting: string
  readonly text: string
  readonly hint?: string
}

/** Throws one error for all problems; returns when there are none. Its code is that of the first, unless a setting is wrong too. */
export function rejectProblems(what: string, problems: readonly Problem[]): void {
  const [first] = problems
  if (first === undefined) return
  const lines = problems.map((problem) => `${problem.setting}: ${problem.text}`)
  const codes = problems.map((problem) => problem.code ?? 'CONFIG_INVALID')
  const code = codes.includes('CONFIG_INVALID') ? 'CONFIG_INVALID' : codes[0]
  const hint = first.hint
  throw new MtlsError(
    code ?? 'CONFIG_INVALID',
    lines.length === 1
      ? `${what}: ${lines[0]}`
      : `${what}: ${lines.length} problems\n${lines.map((line) => `  ${line}`).join('\n')}`,
    hint === undefined ? {} : { hint },
  )
}

/** Everything that is wrong with an input. */
export function problemsIn(schema: z.ZodType, input: unknown): Problem[] {
  const result = schema.safeParse(input, { reportInput: true })
  return result.success ? [] : problemsOf(result.error, schema)
}

/** Throws one `MtlsError` with everything that is wrong with an input; what is in it is not copied and not frozen. */
export function check(schema: z.ZodType, what: string, input: unknown): void {
  rejectProblems(what, problemsIn(schema, input))
}

/** Input → frozen value, or one `MtlsError` with everything that is wrong. */
export function parse<Schema extends z.ZodType>(
  schema: Schema,
  what: string,
  input: unknown,
): z.output<Schema> {
  const result = schema.safeParse(input, { reportInput: true })
  if (!result.success) rejectProblems(what, problemsOf(result.error, schema))
  return deepFreeze(result.data as z.output<Schema>)
}

/** Reports a problem from inside a zod rule under a code of its own. */
export function report(
  context: z.RefinementCtx,
  path: string[],
  problem: string,
  code?: MtlsErrorCode,
): void {
  context.addIssue({ code: 'custom', path, message: problem, params: { problem, code } })
}

function problemsOf({ issues }: z.ZodError, schema: z.ZodType): Problem[] {
  return issues.flatMap((issue) => problemsOfOne(issue, schema))
}

function problemsOfOne(issue: z.core.$ZodIssue, schema: z.ZodType): Problem[] {
  const path = issue.path.map(String)
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => {
      const near = nearestOf(key, keysAt(schema, path))
      const meant = near === undefined ? '' : ` (did you mean ${near}?)`
      return { setting: [...path, key].join('.'), text: `there is no such option${meant}` }
    })
  const setting = path.join('.') || 'options'
  if (issue.code === 'custom' && issue.params?.problem !== undefined)
    return [{ setting, text: issue.message, ...(issue.params.code ? { code: issue.params.code } : {}) }]
  // Text in the place of something else may be anything, a passphrase too.
  const isOtherType =
    issue.code === 'invalid_type' &&
    typeof issue.input === 'string' &&
    /^(object|record|array)$/.test(issue.expected)
  return [{ setting, text: `${isOtherType ? 'text' : shown(issue.input, setting)}: ${issue.message}` }]
}

/** The options that there are at a path; none where a schema does not list them. */
function keysAt(schema: unknown, path: readonly string[]): readonly string[] {
  if (schema instanceof z.ZodPipe) return keysAt(schema.in, path)
  if (schema instanceof z.ZodUnion) return schema.options.flatMap((one) => keysAt(one, path))
  const inner = (schema as z.ZodOptional | undefined)?.def.innerType
  if (inner !== undefined) return keysAt(inner, path)
  const [step, ...rest] = path
  if (schema instanceof z.ZodRecord) return keysAt(schema.valueType, rest)
  if (!(schema instanceof z.ZodObject)) return []
  return step === undefined ? Object.keys(schema.shape) : keysAt(schema.shape[step], rest)
}

/**
 * A value as a message may show it: short, on one line, and never a secret. Of an object, or of text with lines, whatever
 * is in it may be one.
 */
export function shown(value: unknown, setting: string): string {
  if (value === undefined) return 'missing'
  if (/pass|secret|token|key$/i.test(setting)) return 'the value given'
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return String(value)
  if (typeof value !== 'string') return Array.isArray(value) ? 'a list' : `a value of type ${typeof value}`
  if (isPemText(value) || /[\n\r]/.test(value)) return 'a text of several lines'
  return shortened(JSON.stringify(withoutSecrets(value)), 80)
}

export function deepFreeze<Value>(value: Value): Value {
  // Bytes cannot be frozen.
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value) && !ArrayBuffer.isView(value)) {
    Object.freeze(value)
    for (const member of Object.values(value)) deepFreeze(member)
  }
  return value
}
