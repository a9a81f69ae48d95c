import { secretText } from './settings/setting-kinds.js'
import { type Setting, settingTable } from './settings/setting-table.js'

/** The variables of an environment by name. */
export type Environment = Readonly<Record<string, string | undefined>>

const callerId = 'MCP_MTLS_CALLER_ID'
const callerJson = 'MCP_MTLS_CALLER'

const secrets = new Set(
  (Object.values(settingTable) as Setting[])
    .filter(({ kind }) => kind === secretText)
    .map(({ variable }) => variable),
)

/** Keys, and the files they are in. */
const keys = /^(?:TLS_.*KEY.*|AUDIT_KEY)$/

/** Whether a variable tells a program who its caller is. Some systems compare names without case. */
export function isCallerVariable(name: string): boolean {
  return /^MCP_MTLS_CALLER/i.test(name)
}

/** Whether a variable of ours is a secret, or names the file of one. */
function isSecret(name: string): boolean {
  const variable = name.toUpperCase()
  return secrets.has(variable) || keys.test(variable)
}

/**
 * The environment of a program that we start: what we have without our secrets, and `extra` over it. Who calls is told
 * by us alone: in `MCP_MTLS_CALLER_ID`, and as JSON in `MCP_MTLS_CALLER`; without a caller it gets neither.
 */
export function childEnvironment(
  env: Environment,
  extra: Environment,
  caller?: { readonly id: string },
): Record<string, string> {
  const inherited = Object.entries(env).filter(([name]) => !isSecret(name))
  const told = [...inherited, ...Object.entries(extra)].filter(([name]) => !isCallerVariable(name))
  const variables = caller ? [...told, [callerId, caller.id], [callerJson, JSON.stringify(caller)]] : told
  return Object.fromEntries(variables.filter(([, value]) => value !== undefined))
}
