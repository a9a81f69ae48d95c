import { resolve } from 'node:path'
import {
  type DecisionReason,
  type Explanation,
  explain,
  type Policy,
  type PolicySubject,
  requestOf,
  subjectNamed,
  subjectOf,
  timeIn,
} from '../../../auth/policy/policy.js'
import type { Settings } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import type { Io } from '../../io/io.js'
import { printable, writeJson, writeLines } from '../../io/output.js'
import { painter } from '../../terminal/paint.js'
import { table } from '../../terminal/table.js'
import { certificateIn, policyIn, vouchingOf } from './files.js'

export interface ExplainFlags {
  readonly cert?: string
  readonly id?: readonly string[]
  readonly server: string
  readonly tool?: string
  readonly resource?: string
  readonly prompt?: string
  readonly method?: string
  readonly arguments?: string
  readonly now?: string
  readonly address?: string
  readonly json?: boolean
}

export async function explainCall(
  file: string,
  flags: ExplainFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  const { server, tool, resource, prompt, method, address } = flags
  const now = flags.now === undefined ? new Date() : required('--now', timeIn(flags.now))
  const asked = {
    server,
    tool,
    resource,
    prompt,
    method,
    address,
    now,
    arguments: argumentsIn(flags.arguments),
  }
  const request = required('the call', requestOf(await callerOf(flags, settings, io), asked))
  const policy = await policyIn(file, settings, io)
  const explanation = explain(policy, request)
  if (flags.cert !== undefined)
    writeLines(io.stderr, [
      `warning: the chain of ${printable(flags.cert)} was not verified: this is about a caller whose chain is`,
    ])
  if (flags.json) writeJson(io, explanation)
  else writeLines(io.stdout, explanationLines(explanation, policy, io))
}

async function callerOf({ cert, id = [] }: ExplainFlags, settings: Settings, io: Io): Promise<PolicySubject> {
  if ((cert === undefined) === (id.length === 0))
    throw new MtlsError('CONFIG_INVALID', 'the caller is either --cert or --id', {
      hint: 'Write --cert FILE, or --id NAME for each name of its certificate.',
    })
  const { domainsBound, domainOf } = await vouchingOf([], settings)
  if (cert === undefined) return required('--id', subjectNamed(id, domainsBound))
  const leaf = certificateIn(resolve(io.cwd, cert))
  return subjectOf(leaf, { verified: true, domainsBound, trustDomain: domainOf(leaf) })
}

function argumentsIn(text: string | undefined): unknown {
  if (text === undefined) return undefined
  const hint = `Write --arguments '{"city":"Tokyo"}'.`
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new MtlsError('CONFIG_INVALID', '--arguments is not JSON', { hint, cause })
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  throw new MtlsError('CONFIG_INVALID', '--arguments must be a JSON object', { hint })
}

function required<Value>(
  what: string,
  read: { readonly value: Value } | { readonly message: string; readonly hint: string },
): Value {
  if ('value' in read) return read.value
  throw new MtlsError('CONFIG_INVALID', `${what}: ${read.message}`, { hint: read.hint })
}

const reasons: Readonly<Record<DecisionReason, string>> = {
  allowed: 'a rule allows it',
  denied: 'a rule denies it',
  no_rule: 'no rule allows it',
  condition: 'the condition of the rule does not hold',
  unverified: 'the caller is not verified',
  open_method: 'every verified peer may',
  unknown_method: 'this request is not known, and no rule names it',
  malformed: 'the call does not say what it asks for',
}

function explanationLines(explanation: Explanation, { mode }: Policy, io: Io): string[] {
  const { decision, rule, line, reason, identity, limit, considered } = explanation
  const paint = painter(io)
  const isAllowed = decision === 'allow'
  const facts = [
    ...(identity.length > 0 ? identity : ['unverified']).map((name, at) => [at === 0 ? 'caller' : '', name]),
    ...(rule === null ? [] : [['rule', `${rule}, line ${line}`]]),
    ...(limit === null ? [] : [['limit', limitText(limit)]]),
    ...(mode === 'report' ? [['mode', 'report: nothing is denied, the record says what would be']] : []),
  ]
  const others = considered.map((each) => [
    `line ${each.line}`,
    printable(each.rule),
    printable(each.because),
  ])
  return [
    `${paint(isAllowed ? 'green' : 'red', decision)}: ${reasons[reason]} (${reason})`,
    ...table(facts.map((cells) => cells.map(printable))),
    ...(others.length === 0 ? [] : ['', 'other rules:', ...table(others).map((row) => `  ${row}`)]),
  ]
}

/** `60 calls per 1m, 4 at once`. */
function limitText({ calls, per, concurrent }: NonNullable<Explanation['limit']>): string {
  return [
    ...(calls === undefined ? [] : [`${calls} calls per ${per}`]),
    ...(concurrent === undefined ? [] : [`${concurrent} at once`]),
  ].join(', ')
}
