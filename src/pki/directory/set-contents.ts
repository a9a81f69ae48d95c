import { join } from 'node:path'
import { MtlsError } from '../../errors.js'
import { buildPath } from '../../judge/path.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { readPrivateKey } from '../../x509/private-key.js'
import { authorityOf } from '../certificate/authority.js'
import type { Specification } from '../certificate/request.js'
import { parseSubjectName } from '../certificate/subject-name.js'
import type { Contents } from './stores.js'

/** The certificates that a directory is to have. */
export interface WantedSet {
  readonly certDir: string
  readonly passphrase: string | undefined
  /** Undefined: the leaves sign themselves. */
  readonly ca: Specification | undefined
  readonly leaves: readonly WantedLeaf[]
  /** Make all of the leaves, whatever is there. */
  readonly force: boolean
  readonly replaceCa: boolean
  /** Of the CA: one that is there already must speak for it. */
  readonly trustDomain: string | undefined
}

/** `STEM.crt` and `STEM.key`. */
export interface WantedLeaf {
  readonly stem: string
  readonly specification: Specification
  /** What the caller asked for in so many words: a certificate that is there already must have it. */
  readonly demands: {
    readonly commonName?: string | undefined
    readonly names: readonly string[]
    /** `false`: it must have no host names. */
    readonly hostNames?: boolean
  }
}

/** Whether there is nothing to do. Throws when what is there does not fit together. */
export function isComplete(wanted: WantedSet, present: Contents): boolean {
  const { files, caFiles } = present
  return (
    !wanted.force &&
    missingLeaves(wanted, present).length === 0 &&
    (!wanted.ca || (files.has('ca.crt') && (files.has('ca.crl') || !caFiles.has('ca.crl')))) &&
    [...files.values()].every(({ linked }) => linked)
  )
}

/** The leaves to make. Throws when what is there does not fit together. */
export function missingLeaves(wanted: WantedSet, present: Contents): readonly WantedLeaf[] {
  if (!wanted.replaceCa) judgeTrustDomain(wanted, present)
  if (wanted.force) return wanted.leaves
  if (wanted.ca) judgeAuthority(wanted, present)
  return wanted.leaves.filter((leaf) => !isThere(leaf, wanted, present))
}

/** A CA that is there is not marked later: what trusts it has the certificate that it has. */
function judgeTrustDomain({ trustDomain }: WantedSet, { files, caFiles }: Contents): void {
  const file = caFiles.get('ca.crt') ?? files.get('ca.crt')
  const [ca] = file?.certificates ?? []
  if (trustDomain === undefined || !file || ca?.names.uri.includes(`spiffe://${trustDomain}`)) return
  throw new MtlsError(
    'CERT_INVALID',
    `${file.path} is there already and does not speak for the trust domain ${trustDomain}`,
    {
      hint: `Bind it where it is trusted instead (TLS_TRUST_DOMAINS=${trustDomain}=FILE), or ${replaceAll}`,
    },
  )
}

function judgeAuthority({ passphrase }: WantedSet, { caFiles }: Contents): void {
  const [certificate, key] = [caFiles.get('ca.crt'), caFiles.get('ca.key')]
  if (!certificate || !key) return // it may be all that this directory needs
  try {
    authorityOf(certificate, key, passphrase)
  } catch (error) {
    // Its passphrase is needed to issue, not to look on.
    if (!(error instanceof MtlsError && error.code === 'KEY_ENCRYPTED')) throw error
  }
}

/** Whether a leaf is there and fits: its key, its CA, what was asked for. */
function isThere(
  { stem, demands }: WantedLeaf,
  { certDir, passphrase, ca: withCa }: WantedSet,
  { files, caFiles }: Contents,
): boolean {
  const certificate = files.get(`${stem}.crt`)
  const key = files.get(`${stem}.key`)
  if (!certificate) return false
  if (!key) throw halfMissing(join(certDir, `${stem}.key`), certificate.path)
  const [leaf, ...chain] = certificate.certificates
  if (!leaf?.x509.checkPrivateKey(readPrivateKey(key.text, key.path, passphrase)))
    throw new MtlsError('KEY_MISMATCH', `${key.path} is not the key of ${certificate.path}`, {
      hint: orForce,
    })
  if (withCa) {
    const ca = files.get('ca.crt') ?? caFiles.get('ca.crt')
    if (!buildPath(leaf, chain, ca?.certificates ?? []).anchored)
      throw new MtlsError(
        'CERT_INVALID',
        ca
          ? `${certificate.path} was not issued by ${ca.path}`
          : `${certificate.path} is there and the certificate of its CA is not`,
        { hint: `Put the CA certificate that belongs to it into the directory, or ${replaceAll}` },
      )
  }
  const unmet = unmetDemand(demands, leaf)
  if (unmet)
    throw new MtlsError('CERT_INVALID', `${certificate.path} is there already and has ${unmet}`, {
      hint: 'Replace it with --force, or leave that option out.',
    })
  return true
}

export const replaceAll = 'make everything anew with --force (the files of before are kept).'
const orForce = `Put the right file there, or ${replaceAll}`

/** Of a certificate and its key one is there. */
export function halfMissing(absent: string, other: string): MtlsError {
  return new MtlsError('CERT_NOT_FOUND', `${absent} is missing beside ${other}`, { hint: orForce })
}

function unmetDemand(
  { commonName, names, hostNames }: WantedLeaf['demands'],
  facts: CertificateFacts,
): string | undefined {
  if (commonName !== undefined && facts.commonName !== commonName) return `not the common name ${commonName}`
  if (hostNames === false && facts.names.dns.length + facts.names.ip.length > 0) return 'host names'
  const missing = names.find((text) => {
    const name = parseSubjectName(text)
    return !('problem' in name) && !facts.names[name.kind].includes(name.value)
  })
  return missing === undefined ? undefined : `not ${missing}`
}
