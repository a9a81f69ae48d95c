import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { requireFiles } from './files.js'
import { deepFreeze, parse } from './problems.js'
import { choice, flag, listenPort, text } from './values.js'

export const tlsVersions = ['TLSv1.2', 'TLSv1.3'] as const
export const crlMissingChoices = ['refuse', 'allow'] as const

export const tlsSchema = z.strictObject({
  /** Directory of the files below that are not given; `./certs`. */
  certDir: text.optional(),
  caCert: text.optional(),
  serverCert: text.optional(),
  serverKey: text.optional(),
  clientCert: text.optional(),
  clientKey: text.optional(),
  keyPassphrase: z.string({ error: 'text is wanted' }).optional(),
  crl: text.optional(),
  /** What happens when the CRL that was there is gone: refuse everyone, or go on without it. */
  crlMissing: choice(crlMissingChoices).default('refuse'),
  demoMode: flag.default(false),
  demoAllowRemote: flag.default(false),
  minVersion: choice(tlsVersions).default('TLSv1.2'),
  port: listenPort.optional(),
})

export type Role = 'server' | 'client'
export type TlsOptions = z.input<typeof tlsSchema>
type ParsedTls = z.output<typeof tlsSchema>

/** Where the material is and how peers are judged. All paths are absolute. */
export type TlsConfig = Readonly<
  Omit<ParsedTls, 'certDir' | CertificateFile> & Record<'certDir' | CertificateFile, string>
>

/** The files of a certificate directory, by setting. */
export const fileNames = {
  caCert: 'ca.crt',
  serverCert: 'server.crt',
  serverKey: 'server.key',
  clientCert: 'client.crt',
  clientKey: 'client.key',
} as const
export type CertificateFile = keyof typeof fileNames

/**
 * Options → frozen config of one side, whose files are there and readable. Throws `CONFIG_INVALID` for options,
 * `CERT_DIR_NOT_FOUND` and `CERT_NOT_FOUND` for files.
 */
export function parseTlsConfig(input: unknown, role: Role): TlsConfig {
  return locate(parse(tlsSchema, 'TLS options', input ?? {}), role)
}

/** Valid options → config: paths made absolute, files looked for. */
export function locate(options: ParsedTls, role: Role): TlsConfig {
  const certDir = resolve(options.certDir ?? 'certs')
  const path = (file: CertificateFile) =>
    options[file] === undefined ? resolve(certDir, fileNames[file]) : resolve(options[file])
  const caCert = path('caCert')
  const crl = options.crl === undefined ? defaultCrl(caCert) : resolve(options.crl)
  const config: TlsConfig = {
    ...options,
    certDir,
    caCert,
    serverCert: path('serverCert'),
    serverKey: path('serverKey'),
    clientCert: path('clientCert'),
    clientKey: path('clientKey'),
    ...(crl === undefined ? {} : { crl }),
  }
  requireFiles(config, role)
  return deepFreeze(config)
}

function defaultCrl(caCert: string): string | undefined {
  const path = resolve(dirname(caCert), 'ca.crl')
  return existsSync(path) ? path : undefined
}
