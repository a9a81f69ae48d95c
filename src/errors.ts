import { withoutSecrets } from './text/secrets.js'

/**
 * Every error code of this package with its default hint: what a person should do next.
 * A place that knows more gives its own hint. `docs/errors.md` explains each; a test keeps both equal.
 */
export const errorCodes = frozen({
  CERT_NOT_FOUND: 'Make the missing file with `mcp-mtls cert-gen`, or point the setting at the right path.',
  CERT_INVALID: 'Look at the certificate with `mcp-mtls cert-check FILE` or `openssl x509 -in FILE -text`.',
  CERT_EXPIRED: 'Issue a new certificate: `mcp-mtls cert-renew` where the key of the CA is.',
  CERT_NOT_YET_VALID: 'Check the clocks of both machines, or wait until the certificate becomes valid.',
  CERT_REVOKED: 'Issue a new certificate for this party; a revoked one never becomes valid again.',
  CERT_IN_USE:
    'Issue these anew with `mcp-mtls cert-renew`, revoke what nobody uses any more, or go on all the same with --force.',
  CERT_WRITE_FAILED:
    'Make room or correct the permissions and run it again: what was there before is unchanged.',
  KEY_MISMATCH: 'Use the key that belongs to this certificate: the two files come as a pair.',
  KEY_ENCRYPTED: 'Set TLS_KEY_PASSPHRASE (or --key-passphrase) to the passphrase of the key.',
  TLS_HANDSHAKE_FAILED: 'See which side gave up with `openssl s_client -connect HOST:PORT`.',
  TLS_HANDSHAKE_TIMEOUT:
    'The peer accepted the connection but did not finish the TLS handshake in time: is it a TLS server?',
  CLIENT_CERT_REQUIRED: 'Give the client a certificate: TLS_CLIENT_CERT and TLS_CLIENT_KEY, or --cert-dir.',
  CLIENT_CERT_REJECTED: 'Use a client certificate issued by a CA that the server trusts.',
  SERVER_CERT_INVALID:
    'Set TLS_CA_CERT to the CA that issued the server certificate, or replace that certificate.',
  SERVER_NAME_MISMATCH:
    'Connect by a name the certificate covers, or re-issue it with `mcp-mtls cert-gen --san NAME`.',
  UNSUPPORTED_TLS_VERSION: 'Both sides need TLS 1.2 or newer; check TLS_MIN_VERSION.',
  CIPHER_MISMATCH: 'Allow an ECDHE suite with AES-GCM or ChaCha20-Poly1305 on the other side.',
  CONFIG_INVALID: 'Correct the settings named above.',
  CLIENT_CONFIG_FAILED:
    'Make room or correct the permissions and run it again: the file of the client is as it was.',
  COMMAND_NOT_FOUND: 'Install the program, or give its full path.',
  CERT_DIR_NOT_FOUND: 'Make the directory and its certificates with `mcp-mtls cert-gen --cert-dir DIR`.',
  PORT_CONFLICT: 'Give each listener a port of its own.',
  PORT_IN_USE: 'Stop the other program, or choose another port.',
  NOT_TLS: 'Use https:// for an mTLS server; this port and this URL do not speak the same protocol.',
  CONNECTION_FAILED: 'Check that the server runs, and the host and port of its URL.',
  CONNECTION_TIMEOUT: 'Check the network between both sides, or raise the time limit.',
  NOT_AUTHORIZED: 'This identity may not do this; ask the operator of the server.',
  RATE_LIMITED: 'This identity has as much at once as it may: end something first, or try again in a moment.',
  POLICY_INVALID: 'Correct the lines named above; `mcp-mtls policy check FILE` says when all is right.',
  CITY_NOT_FOUND: 'Write "City", "City, Country" or "City, State".',
  TOOL_FAILED: 'Look at the log of the server that was asked.',
  LOG_WRITE_FAILED:
    'Make room, correct the permissions or start what reads it: lines that wait are written by themselves.',
  AUDIT_FAILED:
    'Make room, correct the permissions, or stop the other process that writes there: lines that wait are written by themselves.',
  AUDIT_TAMPERED: 'Look at the record with `mcp-mtls audit verify FILE`, and keep a copy of it.',
  RELOAD_FAILED: 'The last good certificates stay in use; correct the files and reload again.',
})

export type MtlsErrorCode = keyof typeof errorCodes

/** The codes are types, their hints are not: those may change with any version. */
function frozen<Code extends string>(hints: Record<Code, string>): Readonly<Record<Code, string>> {
  return Object.freeze(hints)
}

export interface MtlsErrorOptions {
  /** What to do about it; the code's own hint when absent. */
  readonly hint?: string
  readonly cause?: unknown
  /** See `MtlsError.sent`. */
  readonly sent?: 'no' | 'maybe'
}

/**
 * The one error class of this package: a stable `code`, a message that says what and where, a `hint`. Neither shows a
 * private key or a password, whatever was put where.
 */
export class MtlsError extends Error {
  override readonly name = 'MtlsError'
  readonly code: MtlsErrorCode
  readonly hint: string
  /**
   * Of a call that failed: `no` when no byte of its request was written, or the server says that it has passed none on to the
   * one behind it, so that it can simply be made again; `maybe`
   * when the server may have got it and done it. Absent on what is no call.
   */
  declare readonly sent?: 'no' | 'maybe'

  constructor(code: MtlsErrorCode, message: string, options: MtlsErrorOptions = {}) {
    super(withoutSecrets(String(message)), options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    // JavaScript may give a code that there is not: the error that is told must not be lost for it.
    this.hint = withoutSecrets(options.hint ?? (Object.hasOwn(errorCodes, code) ? errorCodes[code] : ''))
    if (options.sent !== undefined) this.sent = options.sent
  }

  toJSON(): { code: MtlsErrorCode; message: string; hint: string; sent?: 'no' | 'maybe' } {
    const { code, message, hint, sent } = this
    return { code, message, hint, ...(sent && { sent }) }
  }
}
