import type { CertificateFacts } from '../../x509/certificate.js'
import { type AskedCall, addressIn, requestOf, subjectNamed, timeIn } from './asked.js'
import type { DecisionReason } from './decide.js'
import type { DocumentNode } from './document.js'
import { explain } from './explain.js'
import type { Read } from './identity-entry.js'
import { type At, itemsAt, NodeReader, shown } from './node-reader.js'
import { inOrder, type PolicyProblem } from './problem.js'
import type { Policy } from './rule.js'
import { nobody, type PolicySubject, subjectOf } from './subject.js'

/** One case, as `policy test --json` prints it. */
export interface CaseResult {
  readonly name: string
  readonly line: number | null
  readonly expect: 'allow' | 'deny'
  readonly decision: 'allow' | 'deny'
  readonly rule: string | null
  readonly reason: DecisionReason
  /** The decision is the one expected, and so is the rule where the case names one. */
  readonly ok: boolean
}

export interface CasesResult {
  readonly passed: number
  readonly failed: number
  /** In the order of the file. */
  readonly cases: readonly CaseResult[]
}

export type CasesRun =
  | { readonly ok: true; readonly result: CasesResult }
  | { readonly ok: false; readonly problems: readonly PolicyProblem[] }

export interface CasesOptions {
  /** The time of a call that does not say one. */
  readonly now: Date
  /** Whether trust domains are bound: then a name counts only beside its CA. */
  readonly domainsBound?: boolean
  /** The trust domain that vouches for a leaf. */
  readonly domainOf?: (leaf: CertificateFacts) => string | undefined
  /** Reads the file that a case names with `cert:`; may throw. */
  readonly certificate: (file: string) => CertificateFacts
}

/** What a case may ask for. */
const what = ['tool', 'resource', 'prompt', 'method'] as const
const caseKeys = [
  ...['name', 'as', 'cert', 'server', ...what],
  ...['arguments', 'now', 'address', 'expect', 'rule'],
] as const
type Fields = Partial<Record<string, At>>

const example =
  'Write cases: and below it, for each, "  - { as: NAME, server: NAME, tool: NAME, expect: allow }".'

/** Runs the cases of a text (YAML or JSON) against a policy. Everything that is wrong with the text is reported at once. */
export async function runCases(policy: Policy, text: string, options: CasesOptions): Promise<CasesRun> {
  const { yamlDocument } = await import('./yaml-document.js')
  const { root, problems } = yamlDocument(text, example)
  const reader = new CasesReader(options)
  const cases = root === undefined ? [] : reader.cases(root)
  const all = inOrder([...problems, ...reader.problems])
  if (all.length > 0) return { ok: false, problems: all }
  const results = cases.map((each) => resultOf(policy, each))
  const passed = results.filter(({ ok }) => ok).length
  return { ok: true, result: { passed, failed: results.length - passed, cases: results } }
}

interface Case extends Pick<CaseResult, 'name' | 'line' | 'expect'> {
  readonly request: Parameters<typeof explain>[1]
  readonly wanted: string | undefined
}

function resultOf(policy: Policy, { name, line, expect, request, wanted }: Case): CaseResult {
  const { decision, rule, reason } = explain(policy, request)
  const ok = decision === expect && (wanted === undefined || wanted === rule)
  return { name, line, expect, decision, rule, reason, ok }
}

class CasesReader extends NodeReader {
  readonly #options: CasesOptions

  constructor(options: CasesOptions) {
    super()
    this.#options = options
  }

  get #domainsBound(): boolean {
    return this.#options.domainsBound ?? false
  }

  cases(root: DocumentNode): Case[] {
    const whole: At = { node: root, path: '', place: root.place }
    const fields = this.fields(whole, ['cases'], 'a file of cases')
    if (fields === undefined) return []
    if (fields.cases === undefined) this.refuse(whole, 'cases: is missing', example)
    const items = fields.cases && this.items(fields.cases, 'cases', example)
    return (items ?? []).flatMap((at) => this.#case(at) ?? [])
  }

  #case(at: At): Case | undefined {
    const before = this.problems.length
    const fields: Fields | undefined = this.fields(at, caseKeys, 'a case')
    if (fields === undefined) return undefined
    const text = (key: string) => {
      const field = fields[key]
      return field && this.name(field, key, 2048)
    }
    const [name = at.path, server, expect, wanted] = [
      text('name'),
      text('server'),
      text('expect'),
      text('rule'),
    ]
    if (fields.server === undefined) this.refuse(at, 'server is missing', 'Write server: NAME.')
    if (expect !== 'allow' && expect !== 'deny')
      this.refuse(fields.expect ?? at, 'expect must be allow or deny', 'Write expect: allow.')
    const subject = this.#subject(at, fields)
    const asked = {
      ...{ server: server ?? '', tool: text('tool'), resource: text('resource'), prompt: text('prompt') },
      ...{ method: text('method'), address: this.#address(fields.address), now: this.#now(fields.now) },
      arguments: this.#arguments(fields.arguments),
    } satisfies AskedCall
    // What could not be read is not missing too.
    const isRead = what.every((key) => fields[key] === undefined || asked[key] !== undefined)
    const request = isRead ? this.#value(at, requestOf(subject ?? nobody, asked)) : undefined
    if (request === undefined || this.problems.length > before || (expect !== 'allow' && expect !== 'deny'))
      return undefined
    return { name, line: at.place?.line ?? null, expect, request, wanted }
  }

  #subject(at: At, { as, cert }: Fields): PolicySubject | undefined {
    if ((as === undefined) === (cert === undefined))
      return this.refuse(
        at,
        'a case has either as: or cert:',
        'Write as: NAME, as: unverified, or cert: FILE.',
      )
    if (cert !== undefined) return this.#certificate(cert)
    if (as === undefined) return undefined
    const { node, path } = as
    const items = node.type === 'list' ? itemsAt(node, path) : [as]
    const names = items.map((item) => this.name(item, 'a name', 2048))
    if (names.length === 0) return this.refuse(as, 'a list without names', 'Write as: NAME.')
    return names.includes(undefined)
      ? undefined
      : this.#value(
          as,
          subjectNamed(
            names.filter((name) => name !== undefined),
            this.#domainsBound,
          ),
        )
  }

  #certificate(at: At): PolicySubject | undefined {
    const file = this.name(at, 'cert', 4096)
    if (file === undefined) return undefined
    try {
      const leaf = this.#options.certificate(file)
      const trustDomain = this.#options.domainOf?.(leaf)
      return subjectOf(leaf, { verified: true, domainsBound: this.#domainsBound, trustDomain })
    } catch (error) {
      const { message } = error as Error
      return this.refuse(at, String(message), 'Name a file with a certificate.')
    }
  }

  #address(at: At | undefined): string | undefined {
    const text = at && this.name(at, 'address', 64)
    return at && text && this.#value(at, addressIn(text))
  }

  #arguments(at: At | undefined): unknown {
    if (at === undefined || at.node.type === 'map') return at && plain(at.node)
    return this.refuse(
      at,
      `arguments must be a mapping (got ${shown(at.node)})`,
      'Write arguments: { city: Tokyo }.',
    )
  }

  #now(at: At | undefined): Date {
    const text = at && this.name(at, 'now', 64)
    if (at === undefined || text === undefined) return this.#options.now
    return this.#value(at, timeIn(text)) ?? this.#options.now
  }

  #value<Value>(at: At, read: Read<Value>): Value | undefined {
    return 'value' in read ? read.value : this.refuse(at, read.message, read.hint)
  }
}

/** A document as plain values. */
function plain(node: DocumentNode): unknown {
  if (node.type === 'scalar') return node.value
  if (node.type === 'list') return node.items.map(plain)
  return Object.fromEntries(node.entries.map(({ key, value }) => [key, plain(value)]))
}
