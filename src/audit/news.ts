import type { MtlsError } from '../errors.js'

/** How a record stands. */
export interface AuditHealth {
  readonly ok: boolean
  /** Lines that could not be written, since the start. */
  readonly lost: number
  /** What is wrong now; undefined when nothing is. */
  readonly error: string | undefined
  /** Since when that is so. */
  readonly since: Date | undefined
  /** Lines about calls and refusals that are written, since the start. */
  readonly written: number
  /** Lines that are not written yet. */
  readonly waiting: number
  /** Attempts to write or to begin another file that failed, since the start. */
  readonly failures: number
}

/** What is to be told about a record. */
export type AuditNews =
  /** The public key in PEM: it proves the record where it is kept somewhere else. */
  | { readonly event: 'audit-key-made'; readonly path: string; readonly publicKey: string }
  /** Once for all failures in a row. */
  | { readonly event: 'audit-failed'; readonly error: MtlsError }
  | { readonly event: 'audit-works-again'; readonly lost: number }
