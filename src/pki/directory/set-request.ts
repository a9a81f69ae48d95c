import type { CertificateFacts } from '../../x509/certificate.js'
import type { CertificateRequest, LeafType, SubjectOptions } from '../certificate/request.js'

export interface CertificateOptions extends SubjectOptions {
  readonly certDir: string
  /** Where `ca.key` and the index of what was issued live; `certDir` by default. `ca.crt` is in both. */
  readonly caDir?: string | undefined
  readonly caValidityDays?: number | undefined
  /** Of keys that users put there encrypted. */
  readonly passphrase?: string | undefined
  /** Names of the server, or of the certificate that is added. */
  readonly subjectAltNames?: readonly string[] | undefined
  readonly force?: boolean | undefined
  /** Each certificate signs itself, and no CA is made: for demo mode, which alone accepts them. */
  readonly demoMode?: boolean | undefined
}

/** A certificate that is to be there: `STEM.crt` and `STEM.key`. */
export interface Leaf {
  readonly stem: string
  readonly request: CertificateRequest
  /** What the caller asked for in so many words: a certificate that is there already must have it. */
  readonly wishes: { readonly commonName: string | undefined; readonly names: readonly string[] }
}

export interface Order {
  readonly options: CertificateOptions
  readonly leaves: readonly Leaf[]
  readonly force: boolean
  /** False: the leaves sign themselves. */
  readonly withCa: boolean
  readonly replaceCa: boolean
}

export interface CertificateEntry {
  readonly type: LeafType | 'ca'
  readonly path: string
  readonly keyPath: string
  readonly facts: CertificateFacts
  readonly isNew: boolean
}

export interface CertificateSet {
  readonly certDir: string
  readonly entries: readonly CertificateEntry[]
  readonly replacedCa: boolean
  /** Certificates in the directory that a replaced CA had issued: nobody trusts them any more. */
  readonly orphaned: readonly string[]
  /** The folder that keeps the files of before, when any was replaced. */
  readonly previous: string | undefined
}
