import type { CertificateStatus, MonitorEvent, ServerStatus } from './snapshot.js'

export type Change = Omit<MonitorEvent, 'id' | 'at'>

/** Changes of a server. A first look counts as a change only when something is wrong. */
export function serverChanges(before: ServerStatus, after: ServerStatus): readonly Change[] {
  const { name, state, level, problem } = after
  const isFirst = before.latencies_ms.length === 0
  const changes: Change[] = []
  if (before.state !== state && !(isFirst && level === 'ok'))
    changes.push({
      kind: 'server',
      name,
      from: before.state,
      to: state,
      level,
      text: problem ? `${stateWords[state]}: ${problem.message}` : stateWords[state],
    })
  if (
    !isFirst &&
    before.certificate &&
    after.certificate?.fingerprint256 !== before.certificate.fingerprint256
  )
    changes.push(note('certificate', name, 'shows another certificate', 'ok'))
  return [...changes, ...refusals(before, after)]
}

function refusals(before: ServerStatus, after: ServerStatus): readonly Change[] {
  if (!before.refused || !after.refused) return []
  // A restarted server counts from zero.
  const restarted = (after.health?.uptime_seconds ?? 0) < (before.health?.uptime_seconds ?? 0)
  return Object.entries(after.refused).flatMap(([reason, count]) => {
    const known = restarted ? 0 : (before.refused?.[reason] ?? 0)
    if (count <= known) return []
    const strangers = count - known === 1 ? 'a stranger' : `${count - known} strangers`
    return [note('refused', after.name, `refused ${strangers}: ${reason}`, 'warning')]
  })
}

/** Changes of the certificates, for places that were looked at before. */
export function certificateChanges(
  before: readonly CertificateStatus[] | undefined,
  after: readonly CertificateStatus[],
): readonly Change[] {
  const known = new Map(before?.map((certificate) => [certificate.key, certificate]))
  const there = new Set(after.map(({ key }) => key))
  const gone = (before ?? [])
    .filter(({ key, level }) => level !== 'ok' && !there.has(key))
    .map(
      ({ subject, level }): Change => ({
        kind: 'certificate',
        name: subject,
        from: level,
        to: 'gone',
        level: 'ok',
        text: 'is no longer there',
      }),
    )
  const changed = after.flatMap(({ key, subject, type, level, problems, places }) => {
    const from = known.get(key)?.level ?? null
    if (from === level || (from === null && level === 'ok' && before === undefined)) return []
    const [first] = problems
    const what = type === 'crl' ? 'revocation list' : type
    const text =
      first?.message.replace(`${subject} `, '') ??
      (from === null ? `new ${what} at ${places.join(', ')}` : `${what}: nothing is wrong any more`)
    return [{ kind: 'certificate' as const, name: subject, from: from ?? 'unknown', to: level, level, text }]
  })
  return [...changed, ...gone]
}

function note(kind: MonitorEvent['kind'], name: string, text: string, level: MonitorEvent['level']): Change {
  return { kind, name, from: null, to: null, level, text }
}

const stateWords: Readonly<Record<ServerStatus['state'], string>> = {
  up: 'is up',
  degraded: 'is degraded',
  draining: 'is draining',
  refusing: 'refuses us',
  untrusted: 'is not trusted',
  unreachable: 'cannot be reached',
  unknown: 'cannot be looked at',
}
