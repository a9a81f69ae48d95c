import { dirname, join } from 'node:path'
import type { Role, TlsConfig } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import { exposureOf } from '../../files/exposure.js'
import { type Material, makeMaterial, versionOf, withLists, withTicketSecret } from './material.js'
import type { SourceText } from './own-certificate.js'
import { read, readOptional, readPair } from './read-files.js'
import { readTicketSecret, type TicketSecret } from './ticket-keys.js'

/** The files of a config as a `MaterialSource`; `serverName` is that of a server. `loadMaterial` lists what `load` throws. */
export function fileSource(config: TlsConfig, role: Role, serverName = '') {
  return {
    load: (previous: Material | undefined) => loadMaterial(config, role, previous, new Date(), serverName),
    loadLists: (previous: Material) => loadLists(config, previous),
    paths: [
      ...ownPaths(config, role),
      config.caCert,
      crlPath(config),
      ...(config.trustDomains ?? []).map(({ caCert }) => caCert),
      ...(role === 'server' && config.ticketKeys !== undefined ? [config.ticketKeys] : []),
    ],
  }
}

function ownPaths(config: TlsConfig, role: Role): readonly [certPath: string, keyPath: string] {
  return role === 'server' ? [config.serverCert, config.serverKey] : [config.clientCert, config.clientKey]
}

/** The list that is used when none is configured is next to the CA's certificate. */
function crlPath({ crl, caCert }: TlsConfig): string {
  return crl ?? join(dirname(caCert), 'ca.crl')
}

/**
 * Reads and checks the files of one side. Throws `CERT_NOT_FOUND`, and what `makeMaterial` and `readTicketSecret` throw,
 * naming the file. If the files equal those of `previous`, returns `previous`: material in use stays valid when only time
 * has passed.
 */
export async function loadMaterial(
  config: TlsConfig,
  role: Role,
  previous?: Material,
  now = new Date(),
  serverName = '',
): Promise<Material> {
  const [certPath, keyPath] = ownPaths(config, role)
  const { certText, keyText } = await readPair(certPath, keyPath)
  const ca = textAt(config.caCert, await readOptional(config.caCert, config.demoMode))
  const isOptional = config.crl === undefined || config.crlMissing === 'allow'
  const crl = textAt(crlPath(config), await readOptional(crlPath(config), isOptional))
  if (!crl && previous?.crls && config.crlMissing === 'refuse') {
    throw new MtlsError('CERT_NOT_FOUND', `${crlPath(config)} was there and is gone`, {
      hint: 'Put the revocation list back, or set TLS_CRL_MISSING=allow to go on without one.',
    })
  }
  const certificate = { text: certText, path: certPath }
  const key = { text: keyText, path: keyPath }
  const trustDomains = await Promise.all(
    (config.trustDomains ?? []).map(async ({ domain, caCert }) => {
      return { domain, path: caCert, text: await read(caCert) }
    }),
  )
  const texts = { certificate, key, ca, crl, trustDomains }
  const ticketSecret = await ticketSecretOf(config, role, serverName, now)
  if (previous?.version === versionOf(texts)) return withTicketSecret(previous, ticketSecret)
  return makeMaterial(
    { ...texts, ticketSecret, keyExposure: await exposureOf(keyPath) },
    config,
    role,
    previous,
    now,
  )
}

async function ticketSecretOf(
  { ticketKeys }: TlsConfig,
  role: Role,
  serverName: string,
  now: Date,
): Promise<TicketSecret | undefined> {
  if (role !== 'server' || ticketKeys === undefined) return undefined
  return { bytes: await readTicketSecret(ticketKeys, now), serverName }
}

async function loadLists(config: TlsConfig, previous: Material): Promise<Material> {
  const path = crlPath(config)
  try {
    return withLists(previous, { text: await read(path), path }, config)
  } catch (error) {
    if (error instanceof MtlsError) return previous
    throw error
  }
}

function textAt(path: string, text: string | undefined): SourceText | undefined {
  return text === undefined ? undefined : { text, path }
}
