import type { AuditHealth } from '../../audit/index.js'
import type { AuthorizationHealth, HealthProblem, PolicyHealth } from './health.js'

export type DecisionCounts = Readonly<Record<'allowed' | 'denied' | 'limited', number>>

/** What decides about the calls of a server, and what records them, as operators see it. */
export interface AuthorizationState {
  readonly decisions: DecisionCounts
  readonly policy?: PolicyHealth
  readonly audit?: AuditHealth
  readonly problems: readonly HealthProblem[]
}

interface PartsHealth {
  /** `since`: when it began to fail. */
  readonly policy?: PolicyHealth & { readonly since?: Date | undefined }
  readonly audit?: AuditHealth
}

/** Counts decisions, and says how policy and record stand. */
export class AuthorizationWatch {
  readonly #decisions = { allowed: 0, denied: 0, limited: 0 }
  readonly onDecision = (result: keyof DecisionCounts): void => {
    this.#decisions[result]++
  }

  /** Reads how all stands. */
  over(authorization: { readonly health: PartsHealth }): () => AuthorizationState {
    return () => this.state(authorization.health, new Date())
  }

  /** How all stands, given how policy and record do. */
  state({ policy, audit }: PartsHealth, now: Date): AuthorizationState {
    return {
      decisions: this.#decisions,
      ...(policy && { policy }),
      ...(audit && { audit }),
      problems: [
        ...(policy?.ok === false ? [policyProblem(policy, now)] : []),
        ...(audit?.ok === false ? [problem('AUDIT_FAILED', audit.error ?? '', audit.since ?? now)] : []),
      ],
    }
  }
}

/** What `/health` says of it. */
export function authorizationHealth(state: AuthorizationState | undefined): AuthorizationHealth {
  const { policy, audit } = state ?? {}
  return {
    ...(policy && { policy: policyHealth(policy) }),
    ...(audit && { audit: { ok: audit.ok, lost: audit.lost } }),
  }
}

/** These members, whatever else is known of it. */
function policyHealth({ rules, mode, loaded_at, ok, error }: PolicyHealth): PolicyHealth {
  return { rules, mode, loaded_at, ok, error }
}

function policyProblem(
  { loaded_at, error, since }: PolicyHealth & { readonly since?: Date | undefined },
  now: Date,
): HealthProblem {
  return problem('POLICY_INVALID', `the policy of ${loaded_at} stays in use: ${error}`, since ?? now)
}

function problem(code: HealthProblem['code'], message: string, since: Date): HealthProblem {
  return { code, message, since: since.toISOString() }
}
