import { allowOnly } from '../../auth/policy/policy.js'
import { AllowOnly, type Settings } from '../../config/index.js'
import { rejectProblems } from '../../config/problems.js'
import { settingTable } from '../../config/settings/setting-table.js'
import { MtlsError } from '../../errors.js'

/**
 * What settings say about calls: who may make which, and where they are recorded. `allow` are the identities of
 * `--allow`, which wins over the environment. Throws `CONFIG_INVALID`.
 */
export function callOptions({ policy, audit: { log, ...audit } }: Settings, allow?: readonly string[]) {
  const { auditLog, auditOnFailure } = settingTable
  if (log === undefined && audit.onFailure === 'deny')
    throw new MtlsError('CONFIG_INVALID', `${auditOnFailure.variable} is deny, and calls are not recorded`, {
      hint: `Say where: --audit-log FILE, or ${auditLog.variable}.`,
    })
  const decides = allow ? allowed(allow) : policy
  return {
    ...(decides !== undefined && { policy: decides }),
    ...(log !== undefined && { auditLog: log, audit }),
  }
}

function allowed(ids: readonly string[]): AllowOnly {
  const problems = ids.flatMap((id) => {
    const read = allowOnly([id])
    return 'policy' in read ? [] : [{ setting: JSON.stringify(id), text: read.message, hint: read.hint }]
  })
  rejectProblems('--allow', problems)
  return new AllowOnly(ids)
}
