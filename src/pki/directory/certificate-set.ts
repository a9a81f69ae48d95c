import type { LeafType, SubjectOptions } from '../certificate/request.js'
import { fulfil } from './make-set.js'
import type { CertificateOptions, CertificateSet, Leaf } from './set-request.js'

export interface CertificateSetOptions extends CertificateOptions {
  readonly serverName?: string | undefined
  readonly clientName?: string | undefined
}

export interface AddCertificateOptions extends CertificateOptions {
  readonly type: LeafType
  /** Common name, and name of the files: `NAME.crt`, `NAME.key`. */
  readonly name: string
}

const loopbackNames = ['localhost', '127.0.0.1', '::1'] as const

/**
 * Makes the usual set `ca`, `server`, `client`, or what is missing of it. Nothing is overwritten without `force`.
 * Throws `CONFIG_INVALID` for the options, `KEY_MISMATCH`, `CERT_INVALID` or `CERT_NOT_FOUND` for parts that are there and
 * do not fit together, `CERT_WRITE_FAILED`.
 */
export async function makeCertificateSet(options: CertificateSetOptions): Promise<CertificateSet> {
  const { serverName, clientName, subjectAltNames: names = [], demoMode = false, force = false } = options
  return fulfil({
    options,
    leaves: [
      leaf('server', 'server', serverName ?? 'mcp-server', options, [...names, ...loopbackNames], {
        commonName: serverName,
        names,
      }),
      leaf('client', 'client', clientName ?? 'mcp-client', options, [], {
        commonName: clientName,
        names: [],
      }),
    ],
    force,
    withCa: !demoMode,
    replaceCa: force && !demoMode,
  })
}

/** Issues one more certificate from the CA of the directory, `NAME.crt` and `NAME.key`; makes the CA when there is none. */
export async function addCertificate(options: AddCertificateOptions): Promise<CertificateSet> {
  const { type, name, subjectAltNames: names = [], demoMode = false, force = false } = options
  // A server that got no names of its own is one to try out on this machine.
  const all = type === 'server' && names.length === 0 ? loopbackNames : names
  return fulfil(
    {
      options,
      leaves: [leaf(name, type, name, options, all, { commonName: undefined, names })],
      force,
      withCa: !demoMode,
      replaceCa: false,
    },
    fileNameProblems(name),
  )
}

function leaf(
  stem: string,
  type: LeafType,
  commonName: string,
  { organization, country, validityDays, keyType, keySize }: SubjectOptions,
  subjectAltNames: readonly string[],
  wishes: Leaf['wishes'],
): Leaf {
  const subject = { organization, country, validityDays, keyType, keySize }
  return { stem, request: { type, commonName, ...subject, subjectAltNames }, wishes }
}

function fileNameProblems(name: string): string[] {
  if (/^(?:ca|server|client)$/i.test(name)) return [`name: ${name} is a name of the usual set`]
  if (/^[\p{L}\p{N}_][\p{L}\p{N}_ .@+-]*$/u.test(name)) return []
  return [`name: ${JSON.stringify(name)} is no name for a file: letters, digits and _ . @ + - are`]
}
