import { randomUUID } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import type { JSONRPCErrorResponse, JSONRPCResponse } from '@modelcontextprotocol/server'
import type { Audit, CallEnd, CallStart } from '../../audit/index.js'
import type { Call } from '../../auth/call.js'
import { type Identity, ownerOf } from '../../auth/identity.js'
import { Limits } from '../../auth/limits.js'
import {
  type Decision,
  decide,
  type ListedItem,
  mayUse,
  nobody,
  openMethods,
  type Policy,
  type PolicyRequest,
  type PolicySubject,
} from '../../auth/policy/policy.js'
import { authInfoUnder } from '../identity-of.js'
import type { Inbound } from '../mcp/exchange.js'
import type { EndedCall, Outcome } from '../mcp/outcome.js'
import type { Listener, Oversight, RunningCall } from '../mcp/oversight.js'
import { modernRevision } from '../mcp/plain-request.js'
import { shownCompletions } from './completions.js'
import { type Denial, denialError } from './denial.js'
import { fitBody } from './fit-messages.js'
import { filtered, isList, privateToCaches } from './list-filter.js'

export interface AuthorizerOptions {
  /** Of the server, in rules. */
  readonly server: string
  /** The policy as it is now; undefined: every verified peer may call everything. */
  readonly policy: () => Policy | undefined
  readonly audit: Audit | undefined
  /** The rules' view of a caller; the same object as long as its verdict is the same. */
  readonly subjectOf: (caller: Identity) => PolicySubject
  /** Counts what was decided. */
  readonly onDecision: (result: CallStart['decision']) => void
}

/** What was decided about one call, and what has become of it. */
interface Judged extends CallStart {
  /** Why it does not run. */
  readonly denial: Denial | undefined
  /** Gives back what it has taken of limits. */
  readonly release: (isRefused: boolean) => void
  readonly begun: number
  readonly inbound: Inbound
  running: RunningCall | undefined
  isRevoked: boolean
  /** How it ended; its line is written once its connection has had the answer. */
  end: End | undefined
  /** Bytes of the answer so far. */
  measure: () => number
  /** The connection has had the answer, or is lost. */
  isOver: boolean
}

type End = Pick<CallEnd, 'outcome' | 'error' | 'durationMs'>

/**
 * Stands between the classified call and what answers it: decides, counts against limits, filters lists, records. One for each
 * server.
 */
export class Authorizer implements Oversight {
  readonly #options: AuthorizerOptions
  readonly #limits = new Limits()
  /** Calls that were let in and whose line is not written. */
  readonly #open = new Map<Call, Judged>()
  #lateTimer: NodeJS.Timeout | undefined
  /** Where the last answer on each connection ended. */
  readonly #ends = new WeakMap<object, number>()

  constructor(options: AuthorizerOptions) {
    this.#options = options
  }

  /** The request as it may go on, or the answer in its place: none of a batch runs when one may not. */
  async admit(inbound: Inbound): Promise<Inbound | Response> {
    const policy = this.#options.policy()
    const fit = policy?.mode === 'enforce' && !inbound.plain ? fitBody(inbound) : inbound
    if (fit instanceof Response) return fit
    const judged: Judged[] = []
    for (const call of inbound.calls) {
      if (judged.length > 0) await turn() // conditions of many calls may take long together
      judged.push(this.#judge(call, inbound, policy))
    }
    if (judged.some(({ denial }) => denial)) return this.#refuse(judged, { code: 'NOT_AUTHORIZED' })
    const { audit } = this.#options
    if (audit?.onFailure === 'deny')
      try {
        await Promise.all(judged.filter(isRecorded).map((one) => audit.intent(startOf(one))))
      } catch {
        return this.#refuse(judged, { code: 'AUDIT_FAILED' })
      }
    // All this may have taken as long as a disk does.
    const isOutdated = this.#options.policy() !== policy
    if (isOutdated && judged.some((one) => !this.#mayGoOn(one)))
      return this.#refuse(judged, { code: 'NOT_AUTHORIZED' })
    this.#follow(inbound, judged)
    return { ...inbound, body: fit.body, authInfo: withRule(inbound, judged) }
  }

  begun(call: Call, running: RunningCall): void {
    const one = this.#open.get(call)
    if (one) one.running = running
  }

  /** What became of a call that was let in. */
  readonly onCall = ({ call, outcome, error }: EndedCall): void => {
    const one = this.#open.get(call)
    if (!one || one.end) return
    one.release(false)
    one.end = {
      outcome: one.isRevoked ? 'aborted' : outcome,
      error: one.isRevoked ? 'NOT_AUTHORIZED' : (error ?? (outcome === 'error' ? -32603 : undefined)),
      durationMs: performance.now() - one.begun,
    }
    if (one.isOver || outcome === 'aborted') this.#record(one)
    else this.#lateTimer ??= setTimeout(() => this.#recordLate(), patience).unref()
  }

  /** These were let in and have met another refusal, if they have not ended: nothing has run. */
  refused(calls: readonly Call[], outcome: Outcome = 'error'): void {
    for (const call of calls) this.onCall({ call, outcome, seconds: 0 })
  }

  shown<Answer extends JSONRPCResponse>(call: Call, answer: Answer): Answer {
    const policy = this.#options.policy()
    if (!policy || !('result' in answer)) return answer
    const { method, protocolVersion } = call
    const asker = this.#asker(call)
    const isShown = (item: ListedItem) => mayUse(policy, asker, item)
    const result = shownCompletions(call, filtered(method, answer.result, isShown), isShown)
    const shown = protocolVersion >= modernRevision ? privateToCaches(method, result) : result
    return shown === answer.result ? answer : { ...answer, result: shown }
  }

  late({ address }: Listener, asked: Call, answer: JSONRPCResponse): JSONRPCResponse {
    const call = { ...asked, address }
    const policy = this.#options.policy()
    const item = itemOf(call)
    if (!policy || !item || mayUse(policy, this.#asker(call), item)) return this.shown(call, answer)
    const requestId = randomUUID()
    const line = { call, address, decision: 'denied', requestId, bytesIn: 0, bytesOut: 0 } as const
    this.#options.audit?.record({ ...line, outcome: 'denied', error: 'NOT_AUTHORIZED', durationMs: 0 })
    return { jsonrpc: '2.0', id: call.id, error: denialError({ code: 'NOT_AUTHORIZED' }, requestId) }
  }

  #asker(
    call: Pick<Call, 'caller' | 'address' | 'server'>,
  ): Pick<PolicyRequest, 'subject' | 'address' | 'server' | 'now'> {
    const { server, address = '' } = call
    return { subject: this.#subject(call), server, address, now: new Date() }
  }

  mayHear({ caller, address }: Listener, uri: string): boolean {
    const { server } = this.#options
    const policy = this.#options.policy()
    const method = 'resources/subscribe'
    const target = { kind: 'resource', uri } as const
    const call = { caller, address, server, method, target, arguments: undefined }
    return !policy || mayGoOn(decide(policy, this.#requestOf(call)))
  }

  /** After a change of the policy: ends what runs and may not any more. */
  rejudge(): void {
    for (const one of this.#open.values()) {
      if (one.end || this.#mayGoOn(one)) continue
      one.isRevoked = true
      let isAnswered = false
      try {
        isAnswered = one.running?.revoke(denialError({ code: 'NOT_AUTHORIZED' }, one.requestId)) ?? false
      } catch {} // the others are to end all the same
      if (!isAnswered) one.inbound.response.destroy()
    }
  }

  /** Records what is still open. */
  close(): void {
    clearTimeout(this.#lateTimer)
    for (const [call, one] of this.#open) {
      this.onCall({ call, outcome: 'aborted', seconds: 0 })
      this.#record(one)
    }
  }

  /** Whether a call that was let in may go on by the policy as it is now. */
  #mayGoOn({ call }: Judged): boolean {
    const policy = this.#options.policy()
    return !policy || mayGoOn(decide(policy, this.#requestOf(call)))
  }

  #judge(call: Call, inbound: Inbound, policy: Policy | undefined): Judged {
    const { request } = inbound
    const { traceparent } = request.headers
    const decided = policy && decide(policy, this.#requestOf(call))
    const counted = this.#counted(call, decided)
    const isDenied = counted.decision !== 'allowed' && decided?.isEnforced === true
    this.#options.onDecision(counted.decision)
    return {
      call,
      inbound,
      address: call.address,
      decision: counted.decision,
      rule: decided?.rule?.name,
      requestId: randomUUID(),
      bytesIn: inbound.bytesIn,
      traceparent: typeof traceparent === 'string' ? traceparent : undefined,
      report: counted.decision !== 'allowed' && !isDenied ? true : undefined,
      denial: isDenied ? counted.denial : undefined,
      release: counted.release,
      begun: performance.now(),
      running: undefined,
      isRevoked: false,
      end: undefined,
      measure: nothing,
      isOver: false,
    }
  }

  /** What was decided, once limits have counted it. */
  #counted(
    call: Call,
    decided: Decision | undefined,
  ): Pick<Judged, 'decision' | 'release'> & { readonly denial?: Denial } {
    const release = () => {}
    if (decided?.decision === 'deny')
      return { decision: 'denied', denial: { code: 'NOT_AUTHORIZED' }, release }
    if (!decided || decided.limited.length === 0) return { decision: 'allowed', release }
    const who = { server: call.server, identity: call.caller ? ownerOf(call.caller) : '' }
    const taken = this.#limits.take(decided.limited, who, performance.now())
    if (taken.ok) return { decision: 'allowed', release: taken.release }
    return {
      decision: 'limited',
      denial: { code: 'RATE_LIMITED', retryAfterMs: taken.retryAfterMs },
      release,
    }
  }

  /** None of them runs: what was taken is given back, and each has its line. HTTP 200: clients take 401 and 403 for OAuth. */
  #refuse(judged: readonly Judged[], others: Denial): Response {
    const answers = judged.map((one) => {
      one.release(true)
      const { denial = others, call, requestId } = one
      const outcome = outcomes[denial.code]
      const decision = one.denial || outcome === 'error' ? one.decision : 'denied'
      const durationMs = performance.now() - one.begun
      const error = denialError(denial, requestId)
      const answer: JSONRPCErrorResponse = { jsonrpc: '2.0', id: call.id, error }
      const text = JSON.stringify(answer)
      const bytesOut = Buffer.byteLength(text)
      this.#write(one, { outcome, error: denial.code, durationMs }, bytesOut, decision)
      return text
    })
    const body = Array.isArray(judged[0]?.inbound.body) ? `[${answers.join(',')}]` : answers[0]
    return new Response(body, { headers: { 'content-type': 'application/json' } })
  }

  /** Until their connection has had the answer; a call of a session may outlive its connection. */
  #follow({ request: { socket }, response }: Inbound, judged: readonly Judged[]): void {
    const before = socket.bytesWritten
    let bytes: number | undefined
    const measure = () => {
      if (bytes !== undefined) return bytes
      // Answers to requests that came at once (pipelining) go out one after the other.
      bytes = socket.bytesWritten - Math.max(before, this.#ends.get(socket) ?? 0)
      this.#ends.set(socket, socket.bytesWritten)
      return bytes
    }
    const closed = () => {
      measure()
      for (const one of judged) {
        one.isOver = true
        if (one.end) this.#record(one)
      }
    }
    for (const one of judged) {
      one.measure = measure
      this.#open.set(one.call, one)
    }
    if (response.destroyed) return closed()
    response.prependOnceListener('finish', measure) // before Node sends the next one
    response.once('close', closed)
  }

  /** Calls whose caller does not take the answer: their lines do not wait for that. */
  #recordLate(): void {
    this.#lateTimer = undefined
    const before = performance.now() - patience
    for (const one of this.#open.values()) {
      if (!one.end) continue
      if (one.begun + one.end.durationMs <= before) this.#record(one)
      else this.#lateTimer ??= setTimeout(() => this.#recordLate(), patience).unref()
    }
  }

  #record(one: Judged): void {
    const bytesOut = one.measure()
    if (this.#open.delete(one.call) && one.end) this.#write(one, one.end, bytesOut)
  }

  #write(one: Judged, { outcome, error, durationMs }: End, bytesOut: number, decision = one.decision): void {
    const { call, address, rule, requestId, bytesIn, traceparent, report } = one
    if (!isRecorded({ call, decision })) return
    this.#options.audit?.record({
      call,
      address,
      decision,
      rule,
      requestId,
      bytesIn,
      traceparent,
      report,
      outcome,
      error,
      durationMs,
      bytesOut,
    })
  }

  #requestOf(call: Omit<Call, 'id' | 'protocolVersion'>): PolicyRequest {
    const { server, method, target, arguments: given, address = '' } = call
    return {
      subject: this.#subject(call),
      server,
      method,
      target,
      arguments: given,
      address,
      now: new Date(),
    }
  }

  #subject({ caller }: Pick<Call, 'caller'>): PolicySubject {
    return caller ? this.#options.subjectOf(caller) : nobody
  }
}

/** How long a line waits for the size of the answer; milliseconds. */
const patience = 1000

const outcomes = { NOT_AUTHORIZED: 'denied', RATE_LIMITED: 'limited', AUDIT_FAILED: 'error' } as const

function mayGoOn({ decision, isEnforced }: Decision): boolean {
  return decision === 'allow' || !isEnforced
}

/** Whatever uses something, or asks what there is; the rest is conversation. */
function isRecorded({ call: { method }, decision }: Pick<CallStart, 'call' | 'decision'>): boolean {
  return decision !== 'allowed' || isList(method) || !openMethods.includes(method)
}

/** What a call names, as a list would show it. */
function itemOf({ method, target }: Call): ListedItem | undefined {
  if (target.kind === 'tool' || target.kind === 'prompt') return { kind: target.kind, name: target.name }
  if (target.kind !== 'resource') return undefined
  return { kind: method === 'completion/complete' ? 'template' : 'resource', uri: target.uri }
}

const nothing = () => 0

/** What a line of the record has, and no more. */
function startOf(one: Judged): CallStart {
  const { call, address, decision, rule, requestId, bytesIn, traceparent, report } = one
  return { call, address, decision, rule, requestId, bytesIn, traceparent, report }
}

/** The caller as tools see it, with the rule that let it in, where it is one for the whole request. */
function withRule({ authInfo }: Inbound, judged: readonly Judged[]): Inbound['authInfo'] {
  const [{ rule, report } = {}] = judged
  const isOfAll = judged.every((one) => one.rule === rule && one.report === report)
  return authInfo && rule !== undefined && !report && isOfAll ? authInfoUnder(authInfo, rule) : authInfo
}
