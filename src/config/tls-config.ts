import { resolve } from 'node:path'
import { requireFiles } from './files.js'
import { passphraseFrom } from './passphrase.js'
import { deepFreeze, parse } from './problems.js'
import {
  type CertificateFile,
  fileNames,
  type ParsedTls,
  type Role,
  type TlsConfig,
  tlsSchema,
} from './tls-options.js'

/**
 * Options → frozen config of one side, whose files exist and are readable. Throws `CONFIG_INVALID` for options,
 * `CERT_DIR_NOT_FOUND` and `CERT_NOT_FOUND` for files.
 */
export function parseTlsConfig(input: unknown, role: Role): TlsConfig {
  return locate(parse(tlsSchema, 'TLS options', input ?? {}), role)
}

/** Valid options → config: makes paths absolute, checks that the files exist. */
export function locate(options: ParsedTls, role: Role): TlsConfig {
  const certDir = resolve(options.certDir ?? 'certs')
  const path = (file: CertificateFile) =>
    options[file] === undefined ? resolve(certDir, fileNames[file]) : resolve(options[file])
  const caCert = path('caCert')
  const { keyPassphraseFile, trustDomains, ...others } = options
  const keyPassphrase = passphraseFrom({
    keyPassphrase: options.keyPassphrase,
    keyPassphraseFile: keyPassphraseFile && resolve(keyPassphraseFile),
  })
  const config: TlsConfig = {
    ...others,
    ...(keyPassphrase !== undefined && { keyPassphrase }),
    certDir,
    caCert,
    serverCert: path('serverCert'),
    serverKey: path('serverKey'),
    clientCert: path('clientCert'),
    clientKey: path('clientKey'),
    ...(trustDomains !== undefined && {
      trustDomains: trustDomains.map(({ domain, caCert }) => ({ domain, caCert: resolve(caCert) })),
    }),
    ...(options.crl !== undefined && { crl: resolve(options.crl) }),
    ...(options.ticketKeys !== undefined && { ticketKeys: resolve(options.ticketKeys) }),
  }
  requireFiles(config, role)
  return deepFreeze(config)
}
