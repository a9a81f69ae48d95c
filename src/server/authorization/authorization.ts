import type { Logger } from 'pino'
import {
  type Audit,
  type AuditHealth,
  type AuditNews,
  type AuditOptions,
  openAudit,
} from '../../audit/index.js'
import type { Identity } from '../../auth/identity.js'
import { nobody, type PolicySubject, subjectOf } from '../../auth/policy/policy.js'
import { MtlsError } from '../../errors.js'
import type { SecurityEvent } from '../../tls/events.js'
import type { FreshnessOptions } from '../../tls/material/reloadable.js'
import { addressIn } from '../../tls/pending-handshakes.js'
import { leafOf } from '../identity-of.js'
import { Authorizer, type AuthorizerOptions } from './authorizer.js'
import { LivePolicy, type LivePolicyHealth, type LivePolicyOptions } from './live-policy.js'

export interface AuthorizationOptions extends LivePolicyOptions {
  readonly policy: string | object | undefined
  readonly audit: Omit<AuditOptions, 'tell'> | undefined
  readonly onDecision: AuthorizerOptions['onDecision']
  /** Whether callers have certificates at all. */
  readonly isTls: boolean
}

/** What decides about the calls of one server, and what records them. */
export class Authorization {
  readonly authorizer: Authorizer
  readonly #name: string
  readonly #policy: LivePolicy | undefined
  readonly #audit: Audit | undefined
  readonly #subjects = new WeakMap<Identity, PolicySubject>()
  #unwatch = () => {}
  #changed = () => {}

  /** Undefined where there is neither. Rejects with `POLICY_INVALID`, and what opening a record rejects with. */
  static async load(options: AuthorizationOptions): Promise<Authorization | undefined> {
    const { name, policy, audit, logger, isTls } = options
    if (policy === undefined)
      logger?.info(
        { event: 'no-policy', name },
        `${name} has no policy: ${isTls ? 'every client with a verified certificate' : 'every client'} may call everything`,
      )
    else if (!isTls)
      logger?.warn(
        { event: 'policy-without-tls', name },
        `${name} has a policy and no TLS: nobody is verified, and nobody may call more than the open methods`,
      )
    if (policy === undefined && audit === undefined) return undefined
    const live = policy === undefined ? undefined : await LivePolicy.load(policy, options)
    const record =
      audit && (await openAudit({ ...audit, tell: (news: AuditNews) => tellNews(news, name, logger) }))
    return new Authorization(options, live, record)
  }

  private constructor(
    { name, onDecision }: AuthorizationOptions,
    policy: LivePolicy | undefined,
    audit: Audit | undefined,
  ) {
    this.#name = name
    this.#policy = policy
    this.#audit = audit
    this.authorizer = new Authorizer({
      server: name,
      policy: () => policy?.current,
      audit,
      subjectOf: (caller) => this.#subjectOf(caller),
      onDecision,
    })
  }

  get health(): { readonly policy?: LivePolicyHealth; readonly audit?: AuditHealth } {
    return {
      ...(this.#policy && { policy: this.#policy.health }),
      ...(this.#audit && { audit: this.#audit.health() }),
    }
  }

  /** Ends what a new policy forbids, and tells of each. */
  watch(watch: FreshnessOptions['watch'], changed: () => void): void {
    this.#changed = () => {
      this.authorizer.rejudge()
      changed()
    }
    this.#unwatch = this.#policy?.watch(watch, this.#changed) ?? this.#unwatch
  }

  /** Takes up the policy as it is now; true when it was another. Throws `RELOAD_FAILED` for one that stays out. */
  async reload(): Promise<boolean> {
    const isNew = (await this.#policy?.reload()) ?? false
    if (isNew) this.#changed()
    const error = this.#policy?.health.error
    if (error) throw new MtlsError('RELOAD_FAILED', `the new policy was not taken up, ${error}`)
    return isNew
  }

  /** Connections that were refused before anybody was known. */
  readonly onSecurityEvent = (event: SecurityEvent): void => {
    if (event.event === 'handshake-failed' || event.event === 'connection-refused')
      this.#audit?.refused(addressIn(event.peerAddress), event.reason, this.#name)
  }

  /** Goes on in the file of the record that is at its path now. What goes wrong stands in `health`. */
  async reopen(): Promise<void> {
    await this.#audit?.reopen().catch(() => {})
  }

  async close(): Promise<void> {
    this.#unwatch()
    this.authorizer.close()
    await this.#audit?.close()
  }

  #subjectOf(caller: Identity): PolicySubject {
    const known = this.#subjects.get(caller)
    if (known) return known
    const leaf = leafOf(caller)
    const { verified, trustDomain, domainsBound } = caller
    const subject = leaf ? subjectOf(leaf, { verified, trustDomain, domainsBound }) : nobody
    this.#subjects.set(caller, subject)
    return subject
  }
}

function tellNews(news: AuditNews, name: string, logger: Logger | undefined): void {
  switch (news.event) {
    case 'audit-key-made':
      return logger?.info(
        { event: news.event, name, path: news.path, publicKey: news.publicKey },
        `the record of calls has a new key. Keep its public half somewhere else, it proves the record:\n${news.publicKey.trimEnd()}`,
      )
    case 'audit-failed':
      return logger?.error(
        { event: news.event, name },
        `the record of calls cannot be written: ${news.error.message}`,
      )
    case 'audit-works-again':
      return logger?.info(
        { event: news.event, name, lost: news.lost },
        `the record of calls is written again; lines lost: ${news.lost}`,
      )
  }
}
