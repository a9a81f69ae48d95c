import { z } from 'zod'
import type { ShapeOf } from './option-shape.js'
import { crlMissingChoices, tlsVersions } from './settings/choices.js'
import { defaultOf } from './settings/setting-values.js'
import { type TrustDomainFile, trustDomains } from './trust-domains.js'
import { choice, flag, listenPort, path } from './values.js'

/** Where certificates are and how peers are judged. A server reads its own pair and the CA, a client likewise. */
export interface TlsOptions {
  /** Directory of the files below that are not given, under the names `cert-gen` uses; default `./certs`. */
  readonly certDir?: string | undefined
  /** PEM file with the CAs that peers must come from; default `ca.crt` in `certDir`. */
  readonly caCert?: string | undefined
  /** PEM file with the certificate that a server shows, intermediates after it; default `server.crt` in `certDir`. */
  readonly serverCert?: string | undefined
  /** PEM file with the key of `serverCert`; default `server.key` in `certDir`. */
  readonly serverKey?: string | undefined
  /** PEM file with the certificate that a client shows, intermediates after it; default `client.crt` in `certDir`. */
  readonly clientCert?: string | undefined
  /** PEM file with the key of `clientCert`; default `client.key` in `certDir`. */
  readonly clientKey?: string | undefined
  /**
   * CAs that peers may come from too, each file under the trust domain that its CAs speak for: SPIFFE IDs of that domain
   * alone. Once any CA is bound, one that is not may give no SPIFFE ID. Default none:
   * `{ 'example.org': 'ca-a.crt', 'partner.example': ['ca-b.crt', 'ca-c.crt'] }`.
   */
  readonly trustDomains?: Readonly<Record<string, string | readonly string[]>> | undefined
  /** Passphrase of an encrypted key; default none. */
  readonly keyPassphrase?: string | undefined
  /** A file with the passphrase in it, instead; default none. */
  readonly keyPassphraseFile?: string | undefined
  /** File with revocation lists; default `ca.crl` beside `caCert` when there is one. */
  readonly crl?: string | undefined
  /**
   * What to do when the revocation list that was in use disappears: `refuse` everyone (default), or `allow` and
   * continue without it.
   */
  readonly crlMissing?: 'refuse' | 'allow' | undefined
  /**
   * File with the secret of a server's session tickets, shared by its processes; made when it is missing, replaced every
   * 12 hours. Default none: each process has tickets of its own.
   */
  readonly ticketKeys?: string | undefined
  /** Accepts unknown issuers, self-signed certificates and other server names, on loopback; default `false`. */
  readonly demoMode?: boolean | undefined
  /** Demo mode beyond loopback too; default `false`. */
  readonly demoAllowRemote?: boolean | undefined
  /** The oldest TLS version; default `TLSv1.2`. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined
  /** Port that a server listens on, 0 for any free one; `tlsPort` says the same. */
  readonly port?: number | undefined
}

export const tlsSchema = z.strictObject(
  {
    certDir: path.optional(),
    caCert: path.optional(),
    serverCert: path.optional(),
    serverKey: path.optional(),
    clientCert: path.optional(),
    clientKey: path.optional(),
    trustDomains: trustDomains.optional(),
    keyPassphrase: z.string({ error: 'text is wanted' }).optional(),
    keyPassphraseFile: path.optional(),
    crl: path.optional(),
    ticketKeys: path.optional(),
    crlMissing: choice(crlMissingChoices).default(defaultOf('crlMissing')),
    demoMode: flag.default(defaultOf('demoMode')),
    demoAllowRemote: flag.default(defaultOf('demoAllowRemote')),
    minVersion: choice(tlsVersions).default(defaultOf('minVersion')),
    port: listenPort.optional(),
  } satisfies ShapeOf<TlsOptions>,
  { error: ({ code }) => (code === 'unrecognized_keys' ? undefined : 'options are wanted: { certDir }') },
)

export type Role = 'server' | 'client'
export type ParsedTls = z.output<typeof tlsSchema>

/** Where the material is and how peers are judged. All paths are absolute. */
export type TlsConfig = Readonly<
  Omit<ParsedTls, 'certDir' | 'keyPassphraseFile' | 'trustDomains' | CertificateFile> &
    Record<'certDir' | CertificateFile, string> & {
      readonly trustDomains?: readonly TrustDomainFile[]
    }
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
