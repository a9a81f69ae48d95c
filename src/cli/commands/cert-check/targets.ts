import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { fileNames, type Settings, serverIdsIn, serverUrlProblem } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import { checkFiles } from '../../../pki/check/check-files.js'
import { readTrust } from '../../../pki/check/trust.js'
import type { CheckedEndpoint } from '../../../probe/connect/check-endpoint.js'
import type { Io } from '../../io/io.js'

/** What to check. */
export interface Targets {
  readonly paths: readonly string[]
  readonly urls: readonly URL[]
}

/** The targets given, or everything that the settings name. Throws `CONFIG_INVALID`. */
export function targetsOf(
  what: readonly string[],
  caDir: string | undefined,
  { tls }: Settings,
  { cwd }: Io,
): Targets {
  const isUrl = (text: string) =>
    /^[a-z][a-z0-9+.-]*:\/\//i.test(text) || (hasPort.test(text) && !existsSync(resolve(cwd, text)))
  const named = what.length > 0
  const { certDir, caCert, crl, serverCert, serverKey, clientCert, clientKey, trustDomains = {} } = tls
  const ofDomains = Object.values(trustDomains).flat()
  const usual = [certDir, caDir, caCert, ...ofDomains, crl, serverCert, serverKey, clientCert, clientKey]
  const paths = named ? what.filter((text) => !isUrl(text)) : usual.filter((path) => path !== undefined)
  return {
    paths: [...new Set(paths.map((path) => resolve(cwd, path)))],
    urls: what.filter(isUrl).map((text) => liveServer(text, tls)),
  }
}

/** `localhost:8443`, if no file has that name: the answer says which URL was meant. */
const hasPort = /^[^/]+:\d+(\/|$)/

function liveServer(text: string, { demoMode, demoAllowRemote = false }: Settings['tls']): URL {
  const problem = serverUrlProblem(text, { tls: true, demoMode, demoAllowRemote })
  if (problem) throw new MtlsError('CONFIG_INVALID', problem)
  return new URL(text)
}

/** Checks all of it once. */
export async function checkTargets(
  { paths, urls }: Targets,
  {
    caDir,
    within,
    serverId,
  }: { readonly caDir?: string; readonly within?: number; readonly serverId?: readonly string[] },
  { tls, limits }: Settings,
  { cwd }: Io,
): Promise<readonly CheckedEndpoint[]> {
  const directories = [tls.certDir, ...(caDir === undefined ? [] : [resolve(cwd, caDir)])]
  const judging = {
    withinDays: within,
    demoMode: tls.demoMode,
    crlMissingAllowed: tls.crlMissing === 'allow',
    passphrase: tls.keyPassphrase,
  }
  const sources = { caCert: tls.caCert, crl: tls.crl, trustDomains: tls.trustDomains, directories }
  const files = await checkFiles(paths, { ...judging, ...sources })
  if (urls.length === 0) return files
  const serverIds = serverIdsIn(serverId)
  // Files need no code for connecting.
  const { checkEndpoint } = await import('../../../probe/connect/check-endpoint.js')
  const [trust, identity] = await Promise.all([readTrust(sources), ownIdentity(tls)])
  const endpoints = urls.map((url) =>
    checkEndpoint(url, {
      ...judging,
      identity,
      trust,
      serverIds,
      minVersion: tls.minVersion,
      timeoutMs: limits.handshakeTimeout,
    }),
  )
  return [...files, ...(await Promise.all(endpoints))]
}

/** Our client certificate, if any: some servers show theirs only to clients that have one. */
async function ownIdentity({ certDir, clientCert, clientKey, keyPassphrase }: Settings['tls']) {
  const certPath = clientCert ?? join(certDir, fileNames.clientCert)
  const keyPath = clientKey ?? join(certDir, fileNames.clientKey)
  if (clientCert === undefined && clientKey === undefined && !existsSync(certPath)) return undefined
  try {
    const [cert, key] = await Promise.all([readFile(certPath, 'utf8'), readFile(keyPath, 'utf8')])
    return { cert, key, passphrase: keyPassphrase }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    throw new MtlsError(
      'CERT_NOT_FOUND',
      `the client certificate ${certPath} or its key cannot be read (${code})`,
      { cause },
    )
  }
}
