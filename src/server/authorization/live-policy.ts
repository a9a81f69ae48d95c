import { basename } from 'node:path'
import type { Logger } from 'pino'
import {
  allowOnly,
  type Policy,
  PolicyInvalid,
  type PolicyReading,
  readPolicy,
  requirePolicy,
} from '../../auth/policy/policy.js'
import { AllowOnly, readPolicyText, watchPolicyFile } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import type { FreshnessOptions } from '../../tls/material/reloadable.js'
import type { PolicyHealth } from '../ops/health.js'

/** How the policy of a server stands. */
export interface LivePolicyHealth extends PolicyHealth {
  /** Since when its file cannot be taken up. */
  readonly since: Date | undefined
}

export interface LivePolicyOptions {
  /** Name of the server, for the log. */
  readonly name: string
  readonly logger: Logger | undefined
  /** The trust domains that CAs are bound to at the moment: some rules count by them, and one is warned of others. */
  readonly trustDomains: () => readonly string[]
}

interface Loaded {
  /** As it stands in the file; undefined for an object. */
  readonly text: string | undefined
  readonly policy: Policy
}

/** A policy that is taken up anew when its file changes: loaded and checked as a whole, then swapped. What is wrong changes nothing. */
export class LivePolicy {
  readonly #source: string | object
  readonly #options: LivePolicyOptions
  #loaded: Loaded
  #loadedAt = new Date()
  #error: MtlsError | undefined
  #failingSince: Date | undefined
  /** One after the other: the file as it was last is the one that counts. */
  #reloading: Promise<boolean> = Promise.resolve(false)

  /** Rejects with `POLICY_INVALID`, which names every problem. */
  static async load(source: string | object, options: LivePolicyOptions): Promise<LivePolicy> {
    const loaded = await load(source, options)
    tellLoaded(loaded.policy, source, options)
    return new LivePolicy(source, options, loaded)
  }

  private constructor(source: string | object, options: LivePolicyOptions, loaded: Loaded) {
    this.#source = source
    this.#options = options
    this.#loaded = loaded
  }

  get current(): Policy {
    return this.#loaded.policy
  }

  get health(): LivePolicyHealth {
    const { mode, rules } = this.current
    return {
      rules: rules.length,
      mode,
      loaded_at: this.#loadedAt.toISOString(),
      ok: this.#error === undefined,
      error: this.#error ? shown(this.#error, this.#source) : null,
      since: this.#failingSince,
    }
  }

  /** Calls `changed` after each change that was taken up. Gives the way to stop. */
  watch(watch: FreshnessOptions['watch'], changed: () => void): () => void {
    if (typeof this.#source !== 'string' || watch === false) return () => {}
    const look = () => void this.reload().then((isNew) => isNew && changed())
    const stop = watchPolicyFile([this.#source], look, watch)
    look() // it may have changed since it was read: a server takes a while to start
    return stop
  }

  /** Takes up the file as it is now; whether the policy is another. */
  reload(): Promise<boolean> {
    this.#reloading = this.#reloading.then(() => this.#reload())
    return this.#reloading
  }

  async #reload(): Promise<boolean> {
    const { name, logger } = this.#options
    try {
      const next = await load(this.#source, this.#options, this.#loaded)
      const isNew = next !== this.#loaded
      if (isNew || this.#error) tellLoaded(next.policy, this.#source, this.#options)
      if (isNew) this.#loadedAt = new Date()
      this.#loaded = next
      this.#error = undefined
      this.#failingSince = undefined
      return isNew
    } catch (cause) {
      const error =
        cause instanceof MtlsError ? cause : new MtlsError('POLICY_INVALID', String(cause), { cause })
      if (error.message !== this.#error?.message)
        logger?.error(
          { event: 'policy-refused', name },
          `${name} keeps the policy that it has: ${error.message}${error.hint ? `. ${error.hint}` : ''}`,
        )
      this.#error = error
      this.#failingSince ??= new Date()
      return false
    }
  }
}

/** The same as before where it is the same text. */
async function load(
  source: string | object,
  { name, logger, trustDomains }: LivePolicyOptions,
  before?: Loaded,
): Promise<Loaded> {
  const text = typeof source === 'string' ? readPolicyText(source) : undefined
  if (before && text === before.text) return before
  const only = source instanceof AllowOnly ? source.ids : undefined
  const where = typeof source === 'string' ? source : only ? '--allow' : 'policy'
  const told = only ? { rules: [{ name: where, allow: only, tools: ['*'] }] } : (text ?? source)
  const reading = await readOnce(told, trustDomains())
  const policy = requirePolicy(reading, where)
  if (reading.ok)
    for (const { message, hint, path, line } of reading.warnings)
      logger?.warn(
        { event: 'policy-warning', name },
        `${where}${line === null ? '' : `:${line}`}: ${path} ${message}. ${hint}`,
      )
  // What no file can say: methods of extensions, too.
  const everything = only && allowOnly(only)
  return { text, policy: everything && 'policy' in everything ? everything.policy : policy }
}

let latest: { readonly key: string; readonly reading: Promise<PolicyReading> } | undefined

/** Servers of one process often have one file, and see its changes together: a large one takes a while to read. */
function readOnce(told: string | object, trustDomains: readonly string[]): Promise<PolicyReading> {
  if (typeof told !== 'string') return readPolicy(told, { trustDomains })
  const key = JSON.stringify([told, trustDomains])
  if (latest?.key !== key) latest = { key, reading: readPolicy(told, { trustDomains }) }
  return latest.reading
}

function tellLoaded(
  { mode, rules }: Policy,
  source: string | object,
  { name, logger }: LivePolicyOptions,
): void {
  const from = typeof source === 'string' ? ` of ${source}` : ''
  const what = `${name} has the policy${from}: ${rules.length} ${rules.length === 1 ? 'rule' : 'rules'}, mode ${mode}`
  if (mode === 'enforce') logger?.info({ event: 'policy-loaded', name, rules: rules.length, mode }, what)
  else logger?.warn({ event: 'policy-loaded', name, rules: rules.length, mode }, `${what}: nothing is denied`)
}

/** For `/health`, which every peer may read: no rules, and no paths of this machine. */
function shown(error: MtlsError, source: string | object): string {
  const text = error instanceof PolicyInvalid ? error.where : error.message
  return typeof source === 'string' ? text.replaceAll(source, basename(source)) : text
}
