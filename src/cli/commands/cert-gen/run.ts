import type { Settings } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import { makeAuthority } from '../../../pki/directory/certificate-set.js'
import {
  addCertificate,
  type CertificateOptions,
  type CertificateSet,
  type KeyType,
  type LeafType,
  makeCertificateSet,
} from '../../../pki/index.js'
import type { Io } from '../../io/io.js'
import { typedPath } from '../../io/output.js'
import { type DirectoryFlags, directoriesOf, typedCommand } from '../../options/directories.js'
import { reportSet } from './report.js'

export interface GenFlags extends DirectoryFlags {
  readonly serverName?: string
  readonly clientName?: string
  readonly san?: readonly string[]
  /** False with `--no-host-names`. */
  readonly hostNames: boolean
  readonly trustDomain?: string
  readonly keyType?: KeyType
  readonly keySize?: number
  readonly days?: number
  readonly caDays?: number
  readonly organization?: string
  readonly country?: string
  readonly force?: boolean
  readonly json?: boolean
}

/** A CA with a server and a client certificate, or those of them that are missing. */
export async function makeSet(flags: GenFlags, settings: Settings, io: Io): Promise<void> {
  const { serverName, clientName, json } = flags
  const set = await makeCertificateSet({ ...optionsOf(flags, settings, io), serverName, clientName })
  const demo = settings.tls.demoMode ? ' --demo-mode' : ''
  reportSet(set, io, { json, next: typedCommand('serve all', { certDir: set.certDir }, io) + demo })
}

/** A CA alone. */
export async function makeCa(flags: GenFlags, settings: Settings, io: Io): Promise<void> {
  if (settings.tls.demoMode)
    throw new MtlsError(
      'CONFIG_INVALID',
      'with --demo-mode every certificate signs itself, and there is no CA',
    )
  const directories = directoriesOf(settings, flags, io)
  const set = await makeAuthority(optionsOf(flags, settings, io))
  reportSet(set, io, { json: flags.json, next: typedCommand('cert-gen', directories, io) })
}

/** One more certificate from the same CA. */
export async function makeOne(
  type: LeafType,
  name: string,
  flags: GenFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  const set = await addCertificate({ ...optionsOf(flags, settings, io), type, name })
  reportSet(set, io, { json: flags.json, next: useCommand(type, set, io) })
}

function optionsOf(flags: GenFlags, settings: Settings, io: Io): CertificateOptions {
  const { san, hostNames, trustDomain, keyType, keySize, days, caDays, organization, country, force } = flags
  return {
    ...directoriesOf(settings, flags, io),
    demoMode: settings.tls.demoMode,
    subjectAltNames: san,
    hostNames,
    trustDomain,
    keyType,
    keySize,
    validityDays: days,
    caValidityDays: caDays,
    organization,
    country,
    force,
  }
}

/** The command that uses the new certificate. */
function useCommand(type: LeafType, { certDir, entries }: CertificateSet, io: Io): string {
  const { path = '', keyPath = '' } = entries.find((entry) => entry.type === type) ?? {}
  const user = typedCommand(type === 'server' ? 'serve all' : 'ask "echo hello"', { certDir }, io)
  return `${user} --${type}-cert ${typedPath(path, io)} --${type}-key ${typedPath(keyPath, io)}`
}
