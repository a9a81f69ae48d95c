import { accessSync, constants, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { shellPath } from '../text/shell-word.js'
import { type Problem, rejectProblems } from './problems.js'
import type { Role, TlsConfig } from './tls-options.js'

const neededBy = {
  server: ['caCert', 'serverCert', 'serverKey', 'crl'],
  client: ['caCert', 'clientCert', 'clientKey', 'crl'],
} as const

/**
 * Throws unless every file that this side needs can be read. Demo mode needs no CA: it accepts issuers
 * it does not know.
 */
export function requireFiles(config: TlsConfig, role: Role): void {
  const make = `mcp-mtls cert-gen --cert-dir ${shellPath(config.certDir)}${config.demoMode ? ' --demo-mode' : ''}`
  const problems: Problem[] = []
  let directoryMissing = false
  const needed = [
    ...neededBy[role].map((setting) => [setting, config[setting]] as const),
    ...(config.trustDomains ?? []).map(({ caCert }) => ['trustDomains', caCert] as const),
  ]
  for (const [setting, path] of needed) {
    if (path === undefined) continue
    const problem = unreadable(path)
    const mayBeAbsent =
      (setting === 'caCert' && config.demoMode) || (setting === 'crl' && config.crlMissing === 'allow')
    if (problem === undefined || (mayBeAbsent && problem === 'does not exist')) continue
    if (dirname(path) === config.certDir && !isDirectory(config.certDir)) directoryMissing = true
    else {
      const hint =
        problem === 'does not exist'
          ? `Make it with \`${make}\`, or point ${setting} at the right file.`
          : `Let the user of this process read ${path}.`
      problems.push({ code: 'CERT_NOT_FOUND', setting, text: `${path} ${problem}`, hint })
    }
  }
  if (directoryMissing)
    problems.unshift({
      code: 'CERT_DIR_NOT_FOUND',
      setting: 'certDir',
      text: `${config.certDir} is not a directory`,
      hint: `Make it and its certificates with \`${make}\`, or point certDir at the right one.`,
    })
  rejectProblems(`certificates of the ${role}`, problems)
}

function unreadable(path: string): string | undefined {
  try {
    accessSync(path, constants.R_OK)
    return statSync(path).isFile() ? undefined : 'is not a file'
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'does not exist' : `cannot be read (${code})`
  }
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}
