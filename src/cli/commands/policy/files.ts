import { resolve } from 'node:path'
import {
  type Policy,
  type PolicyReading,
  type PolicyWarning,
  readPolicy,
  requirePolicy,
} from '../../../auth/policy/policy.js'
import { areDomainsBound, vouchingDomain } from '../../../auth/trust-domains.js'
import { readPolicyText, type Settings } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import { readSmallFile, whyUnreadable } from '../../../files/read-file.js'
import { buildPath } from '../../../judge/path.js'
import { readTrust } from '../../../pki/check/trust.js'
import { type CertificateFacts, readCertificate } from '../../../x509/certificate.js'
import type { Io } from '../../io/io.js'
import { printable, shownPath, writeLines } from '../../io/output.js'

/** What is in the file of a policy; that the file cannot be used is a problem like others. */
export async function policyReading(file: string, settings: Settings, io: Io): Promise<PolicyReading> {
  try {
    return await readingOf(file, settings, io)
  } catch (error) {
    if (!(error instanceof MtlsError) || error.code !== 'POLICY_INVALID') throw error
    const { code, message, hint } = error
    return { ok: false, problems: [{ code, path: '', line: null, column: null, message, hint }] }
  }
}

/** The policy in a file. Prints its warnings; throws `POLICY_INVALID`. */
export async function policyIn(file: string, settings: Settings, io: Io): Promise<Policy> {
  const reading = await readingOf(file, settings, io)
  if (reading.ok) writeWarnings(file, reading.warnings, io)
  return requirePolicy(reading, shownPath(resolve(io.cwd, file), io))
}

function readingOf(file: string, settings: Settings, { cwd }: Io): Promise<PolicyReading> {
  return readPolicy(readPolicyText(resolve(cwd, file)), { trustDomains: trustDomainsOf(settings) })
}

/** Those that settings bind; undefined without any: a CA may be marked with its own. */
function trustDomainsOf({ tls }: Settings): readonly string[] | undefined {
  return tls.trustDomains && Object.keys(tls.trustDomains)
}

export function writeWarnings(file: string, warnings: readonly PolicyWarning[], io: Io): void {
  writeLines(
    io.stderr,
    warnings.flatMap((warning) => [
      `warning: ${placed(file, warning, io)}`,
      `hint: ${printable(warning.hint)}`,
    ]),
  )
}

/** `policy.yaml:4:11: rules[0].tools[1]: what is wrong`, a place that editors open. */
export function placed(file: string, { path, line, column, message }: PolicyWarning, io: Io): string {
  if (line === null) return printable(message)
  const place = `${shownPath(resolve(io.cwd, file), io)}:${line}:${column}: `
  return printable(`${place}${path === '' ? '' : `${path}: `}${message}`)
}

/** Which trust domains are bound, and whose CA vouches for a leaf, by its signature alone. */
export interface Vouching {
  readonly domainsBound: boolean
  readonly domainOf: (leaf: CertificateFacts) => string | undefined
}

/** By settings, and by the CAs of these directories that are marked with their domain. */
export async function vouchingOf(directories: readonly string[], { tls }: Settings): Promise<Vouching> {
  const trust = await readTrust({ directories, trustDomains: tls.trustDomains })
  const trusted = [...trust.roots, ...trust.intermediates]
  return {
    // Files of settings that cannot be read bind nobody, and a name alone still is not enough.
    domainsBound: tls.trustDomains !== undefined || areDomainsBound(trust.domains),
    domainOf: (leaf) => {
      const { certificates, anchored } = buildPath(leaf, [], trusted, { domains: trust.domains })
      return anchored ? vouchingDomain(certificates, trust.domains) : undefined
    },
  }
}

/** The first certificate of a file, a leaf. Nothing is verified. Throws `CERT_NOT_FOUND`, `CERT_INVALID`. */
export function certificateIn(path: string): CertificateFacts {
  let bytes: Buffer
  try {
    bytes = readSmallFile(path)
  } catch (cause) {
    throw new MtlsError('CERT_NOT_FOUND', `${path} ${whyUnreadable(cause)}`, { cause })
  }
  return readCertificate(bytes, path)
}
