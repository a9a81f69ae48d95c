import { join } from 'node:path'
import { MtlsError } from '../../errors.js'
import { buildPath } from '../../judge/path.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { readCertificates } from '../../x509/pem.js'
import { readPrivateKey } from '../../x509/private-key.js'
import { openAuthority } from '../certificate/authority.js'
import { parseSubjectName } from '../certificate/subject-name.js'
import type { StoredFiles } from '../store/stored-file.js'
import type { Leaf, Order } from './set-request.js'

/** What the directories hold; both are the same unless the CA is kept elsewhere. */
export interface Present {
  readonly files: StoredFiles
  readonly caFiles: StoredFiles
}

/** Whether there is nothing to do. */
export function isComplete(order: Order, present: Present): boolean {
  return (
    !order.force &&
    missing(order, present).length === 0 &&
    (!order.withCa || present.files.has('ca.crt')) &&
    (!order.withCa || present.files.has('ca.crl') || !present.caFiles.has('ca.crl')) &&
    [...present.files.values()].every(({ linked }) => linked)
  )
}

/** The leaves to make. Throws when what is there does not fit together. */
export function missing(order: Order, present: Present): readonly Leaf[] {
  if (order.force) return order.leaves
  if (order.withCa) judgeAuthority(order, present)
  return order.leaves.filter((leaf) => !isThere(leaf, order, present))
}

function judgeAuthority({ options }: Order, { caFiles }: Present): void {
  const [certificate, key] = [caFiles.get('ca.crt'), caFiles.get('ca.key')]
  if (!certificate || !key) return // it may be all that this directory needs
  try {
    openAuthority(certificate, key, options.passphrase)
  } catch (error) {
    // Its passphrase is needed to issue, not to look on.
    if (!(error instanceof MtlsError && error.code === 'KEY_ENCRYPTED')) throw error
  }
}

/** Whether a leaf is there and fits: its key, its CA, what was asked for. */
function isThere({ stem, wishes }: Leaf, { options, withCa }: Order, { files, caFiles }: Present): boolean {
  const certificate = files.get(`${stem}.crt`)
  const key = files.get(`${stem}.key`)
  if (!certificate) return false
  if (!key) throw half(join(options.certDir, `${stem}.key`), certificate.path)
  const [leaf, ...chain] = readCertificates(certificate.text, certificate.path)
  if (!leaf?.x509.checkPrivateKey(readPrivateKey(key.text, key.path, options.passphrase)))
    throw new MtlsError('KEY_MISMATCH', `${key.path} is not the key of ${certificate.path}`, {
      hint: orForce,
    })
  if (withCa) {
    const ca = files.get('ca.crt') ?? caFiles.get('ca.crt')
    const anchors = ca ? readCertificates(ca.text, ca.path) : []
    if (!buildPath(leaf, chain, anchors).anchored)
      throw new MtlsError(
        'CERT_INVALID',
        ca
          ? `${certificate.path} was not issued by ${ca.path}`
          : `${certificate.path} is there and the certificate of its CA is not`,
        { hint: `Put the CA certificate that belongs to it into the directory, or ${replaceAll}` },
      )
  }
  const unmet = unmetWish(wishes, leaf)
  if (unmet)
    throw new MtlsError('CERT_INVALID', `${certificate.path} is there already and has not ${unmet}`, {
      hint: 'Replace it with --force, or leave that option out.',
    })
  return true
}

export const replaceAll = 'make everything anew with --force (the files of before are kept).'
export const orForce = `Put the right file there, or ${replaceAll}`

export function half(absent: string, other: string): MtlsError {
  return new MtlsError('CERT_NOT_FOUND', `${absent} is missing beside ${other}`, { hint: orForce })
}

function unmetWish({ commonName, names }: Leaf['wishes'], facts: CertificateFacts): string | undefined {
  if (commonName !== undefined && facts.commonName !== commonName) return `the common name ${commonName}`
  return names.find((text) => {
    const name = parseSubjectName(text)
    return !('problem' in name) && !facts.names[name.kind].includes(name.value)
  })
}
