import { stat } from 'node:fs/promises'
import { MtlsError } from '../../errors.js'
import { dayMs } from '../../text/duration.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { expiringFrom } from '../../x509/life.js'
import { isIssuedBy } from '../certificate/authority.js'
import type { Revocation } from '../certificate/crl.js'
import * as kind from '../option-kinds.js'
import { type OptionKinds, requireOptions } from '../require-options.js'
import { CertificateStore } from '../store/store.js'
import { IssuedIndex } from './issued-index.js'
import { overdueFrom } from './schedule.js'

export interface ListOptions {
  /** Directory of the CA. */
  readonly caDir: string
  /** How many days before its end a certificate counts as expiring; by default by its life, see `expiringFrom`. */
  readonly withinDays?: number | undefined
  /** The moment for which it is told; the clock of this machine by default. */
  readonly now?: Date | undefined
}

const listKinds = {
  caDir: kind.required(kind.path),
  withinDays: kind.daysOrNone,
  now: kind.moment,
} satisfies OptionKinds<ListOptions>

export type IssuedStatus = 'valid' | 'expiring' | 'expired' | 'replaced' | 'revoked' | 'untrusted'

export interface IssuedEntry {
  readonly certificate: CertificateFacts
  /** `untrusted`: its CA was dropped. */
  readonly status: IssuedStatus
  readonly revocation: Revocation | undefined
  /** The serial number of what came in its place. */
  readonly replacedBy: string | undefined
}

export interface IssuedList {
  readonly caDir: string
  /** The oldest first. */
  readonly entries: readonly IssuedEntry[]
  /** Files of the index that somebody damaged. */
  readonly damaged: readonly string[]
}

/** What the CA of a directory has issued; its key is not needed. Throws `CERT_NOT_FOUND` when it has issued nothing. */
export async function listIssued(options: ListOptions): Promise<IssuedList> {
  requireOptions(options, listKinds, "listIssued({ caDir: './certs' })")
  const { now = new Date(), withinDays } = options
  const store = new CertificateStore(options.caDir)
  const found = await stat(store.directory).catch(() => undefined)
  if (found && !found.isDirectory())
    throw new MtlsError('CERT_DIR_NOT_FOUND', `${store.directory} is no directory`, {
      hint: 'Name the directory of the CA, where ca.crt and ca.key are, with --ca-dir.',
    })
  const index = new IssuedIndex(store.directory)
  const [files, { issued, damaged, revocations, replacements }] = await Promise.all([
    store.read(),
    index.read(),
  ])
  if (issued.length + damaged.length === 0)
    throw new MtlsError('CERT_NOT_FOUND', `${store.directory} has no list of issued certificates`, {
      hint: 'It lies beside the key of the CA: name that directory with --ca-dir. `mcp-mtls cert-gen` makes a first CA.',
    })
  const anchors = files.get('ca.crt')?.certificates ?? []
  const renewed = new Set(replacements.values())
  const expiringFromOf = ({ notBefore, notAfter, serial }: CertificateFacts) => {
    if (withinDays !== undefined) return new Date(notAfter.getTime() - withinDays * dayMs)
    const life = expiringFrom(notBefore, notAfter)
    // One that was renewed here should have been again: what keeps that from happening is worth a look.
    const overdue = overdueFrom(notBefore, notAfter)
    return renewed.has(serial) && overdue < life ? overdue : life
  }
  const entries = issued.map((certificate): IssuedEntry => {
    const revocation = revocations.get(certificate.serial)
    const replacedBy = replacements.get(certificate.serial)
    const isTrusted = anchors.some(
      (anchor) => anchor.fingerprint256 === certificate.fingerprint256 || isIssuedBy(certificate, anchor),
    )
    const status = (): IssuedStatus => {
      if (revocation) return 'revoked'
      if (now > certificate.notAfter) return 'expired'
      if (replacedBy !== undefined) return 'replaced'
      if (!isTrusted) return 'untrusted'
      return now >= expiringFromOf(certificate) ? 'expiring' : 'valid'
    }
    return { certificate, status: status(), revocation, replacedBy }
  })
  return { caDir: store.directory, entries, damaged }
}
