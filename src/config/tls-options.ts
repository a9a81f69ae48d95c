import { z } from 'zod'
import { crlMissingChoices, tlsVersions } from './choices.js'
import { choice, flag, listenPort, path } from './values.js'

export const tlsSchema = z.strictObject({
  /** Directory of the files below that are not given; `./certs`. */
  certDir: path.optional(),
  caCert: path.optional(),
  serverCert: path.optional(),
  serverKey: path.optional(),
  clientCert: path.optional(),
  clientKey: path.optional(),
  keyPassphrase: z.string({ error: 'text is wanted' }).optional(),
  /** A file with the passphrase in it, instead. */
  keyPassphraseFile: path.optional(),
  crl: path.optional(),
  /** What happens when the CRL that was there is gone: refuse everyone, or go on without it. */
  crlMissing: choice(crlMissingChoices).default('refuse'),
  demoMode: flag.default(false),
  demoAllowRemote: flag.default(false),
  minVersion: choice(tlsVersions).default('TLSv1.2'),
  port: listenPort.optional(),
})

export type Role = 'server' | 'client'
export type TlsOptions = z.input<typeof tlsSchema>
export type ParsedTls = z.output<typeof tlsSchema>

/** Where the material is and how peers are judged. All paths are absolute. */
export type TlsConfig = Readonly<
  Omit<ParsedTls, 'certDir' | 'keyPassphraseFile' | CertificateFile> &
    Record<'certDir' | CertificateFile, string>
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
