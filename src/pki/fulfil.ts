import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { MtlsError } from '../errors.js'
import type { CertificateFacts } from '../x509/certificate.js'
import { buildPath } from '../x509/path.js'
import { readCertificates } from '../x509/pem.js'
import {
  type Authority,
  createAuthority,
  type Issued,
  issue,
  openAuthority,
  selfSigned,
} from './authority.js'
import { writing } from './durable.js'
import { IssuedIndex } from './issued.js'
import { privateKeyPem, readPrivateKey } from './key.js'
import { type CertificateRequest, type LeafType, parseRequests, type SubjectOptions } from './request.js'
import { CertificateStore, type StoredFiles } from './store.js'
import { parseSubjectName } from './subject-name.js'

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

interface Present {
  readonly files: StoredFiles
  readonly caFiles: StoredFiles
}

/** Makes what is missing, all of it or nothing. What it throws is listed at `makeCertificateSet`. */
export async function fulfil(order: Order, problems: readonly string[] = []): Promise<CertificateSet> {
  const { options, leaves } = order
  parseRequests(
    [...leaves.map(({ request }) => request), { ...caOptions(options), type: 'ca', commonName: 'CA' }],
    problems,
  )
  const store = new CertificateStore(options.certDir)
  const caStore = await caStoreOf(options, store)
  const look = async (): Promise<Present> => {
    const files = await store.read()
    return { files, caFiles: caStore === store ? files : await caStore.read() }
  }

  const present = await writing(store.directory, look)
  // Without a lock, so that a complete set may lie on a read-only disk.
  if (isComplete(order, present)) return summary(order, store, caStore, present.files, new Map())

  const run = async () => make(order, store, caStore, await look())
  return caStore.exclusively(() => (caStore === store ? run() : store.exclusively(run)))
}

async function caStoreOf(options: CertificateOptions, store: CertificateStore): Promise<CertificateStore> {
  if (options.caDir === undefined) return store
  const caStore = new CertificateStore(options.caDir)
  const real = (path: string) => realpath(path).catch(() => path)
  const same = (await real(caStore.directory)) === (await real(store.directory))
  return same ? store : caStore
}

function caOptions({ organization, country, keyType, keySize, caValidityDays }: CertificateOptions) {
  return { organization, country, keyType, keySize, validityDays: caValidityDays }
}

function isComplete(order: Order, present: Present): boolean {
  return (
    !order.force &&
    missing(order, present).length === 0 &&
    (!order.withCa || present.files.has('ca.crt')) &&
    [...present.files.values()].every(({ linked }) => linked)
  )
}

function missing(order: Order, present: Present): readonly Leaf[] {
  return order.leaves.filter((leaf) => order.force || !isThere(leaf, order, present))
}

/** Whether a leaf is there and fits: its key, its CA, what was asked for. */
function isThere({ stem, wishes }: Leaf, { options, withCa }: Order, { files, caFiles }: Present): boolean {
  const certificate = files.get(`${stem}.crt`)
  const key = files.get(`${stem}.key`)
  if (!certificate) return false
  if (!key) throw half(join(options.certDir, `${stem}.key`), certificate.path)
  const [leaf, ...chain] = readCertificates(certificate.text, certificate.path)
  if (!leaf?.x509.checkPrivateKey(readPrivateKey(key.text, key.path, options.passphrase)))
    throw new MtlsError('KEY_MISMATCH', `${key.path} is not the key of ${certificate.path}`, {
      hint: orForce,
    })
  if (withCa) {
    const ca = files.get('ca.crt') ?? caFiles.get('ca.crt')
    const anchors = ca ? readCertificates(ca.text, ca.path) : []
    if (!buildPath(leaf, chain, anchors).anchored)
      throw new MtlsError(
        'CERT_INVALID',
        ca
          ? `${certificate.path} was not issued by ${ca.path}`
          : `${certificate.path} is there and the certificate of its CA is not`,
        { hint: `Put the CA certificate that belongs to it into the directory, or ${replaceAll}` },
      )
  }
  const unmet = unmetWish(wishes, leaf)
  if (unmet)
    throw new MtlsError('CERT_INVALID', `${certificate.path} is there already and has not ${unmet}`, {
      hint: 'Replace it with --force, or leave that option out.',
    })
  return true
}

const replaceAll = 'make everything anew with --force (the files of before are kept).'
const orForce = `Put the right file there, or ${replaceAll}`

function half(absent: string, other: string): MtlsError {
  return new MtlsError('CERT_NOT_FOUND', `${absent} is missing beside ${other}`, { hint: orForce })
}

function unmetWish({ commonName, names }: Leaf['wishes'], facts: CertificateFacts): string | undefined {
  if (commonName !== undefined && facts.commonName !== commonName) return `the common name ${commonName}`
  return names.find((text) => {
    const name = parseSubjectName(text)
    return !('problem' in name) && !facts.names[name.kind].includes(name.value)
  })
}

async function make(
  order: Order,
  store: CertificateStore,
  caStore: CertificateStore,
  present: Present,
): Promise<CertificateSet> {
  const { files, caFiles } = present
  const leaves = missing(order, present)
  const needsCa = order.withCa && (leaves.length > 0 || !files.has('ca.crt'))
  const { authority, isNew } = needsCa ? await authorityFor(order, caStore, present) : { isNew: false }
  const caChanges = new Map<string, string>()
  const changes = caStore === store ? caChanges : new Map<string, string>()
  if (authority && isNew) caChanges.set('ca.crt', authority.certificate).set('ca.key', authority.privateKey)
  if (authority && (isNew || !files.has('ca.crt')))
    changes.set('ca.crt', isNew ? authority.certificate : (caFiles.get('ca.crt')?.text ?? ''))

  const index = new IssuedIndex(caStore.directory)
  const serials = await index.serials()
  for (const leaf of leaves) {
    const key = order.force ? undefined : files.get(`${leaf.stem}.key`)
    const held = {
      isUsed: (serial: string) => serials.has(serial),
      ...(key && { privateKey: privateKeyPem(readPrivateKey(key.text, key.path, order.options.passphrase)) }),
    }
    const issued: Issued = authority
      ? await issue(authority, leaf.request, held)
      : await selfSigned(leaf.request, held)
    if (authority) await index.record(issued)
    changes.set(`${leaf.stem}.crt`, issued.certificate)
    if (!key) changes.set(`${leaf.stem}.key`, issued.privateKey)
  }
  // The CA first: killed in between, the next run issues the rest from it.
  if (caStore !== store && caChanges.size > 0) await caStore.commit(caChanges)
  const replaced = [...changes.keys()].some((name) => files.has(name))
  const previous = await store.commit(changes)
  const set = summary(order, store, caStore, await store.read(), changes)
  const replacedCa = isNew && caFiles.has('ca.crt')
  const others = [...files.values()].filter(({ path }) => path.endsWith('.crt')).map(({ path }) => path)
  const orphaned = others.filter((path) => !set.entries.some((entry) => entry.path === path))
  return {
    ...set,
    previous: replaced ? previous : undefined,
    replacedCa,
    orphaned: replacedCa ? orphaned : [],
  }
}

/** The CA of the directory, or a new one where there is none at all. */
async function authorityFor(
  { options, replaceCa }: Order,
  caStore: CertificateStore,
  { files, caFiles }: Present,
): Promise<{ authority: Authority; isNew: boolean }> {
  const certificate = caFiles.get('ca.crt')
  const key = caFiles.get('ca.key')
  if (replaceCa || !(certificate || key || files.has('ca.crt')))
    return { authority: await createAuthority(caOptions(options)), isNew: true }
  const keyPath = join(caStore.directory, 'ca.key')
  if (!key)
    throw new MtlsError('CERT_NOT_FOUND', `${keyPath} is missing: without it nothing can be issued`, {
      hint: keyHint,
    })
  if (!certificate) throw half(join(caStore.directory, 'ca.crt'), keyPath)
  const authority = openAuthority(certificate.text, key.text, {
    passphrase: options.passphrase,
    where: certificate.path,
    keyWhere: key.path,
  })
  const trusted = files.get('ca.crt')
  const isTrusted = ({ fingerprint256 }: CertificateFacts) =>
    fingerprint256 === authority.facts.fingerprint256
  if (trusted && !readCertificates(trusted.text, trusted.path).some(isTrusted))
    throw new MtlsError('CERT_INVALID', `${trusted.path} is another CA than ${certificate.path}`, {
      hint: orForce,
    })
  return { authority, isNew: false }
}

const keyHint = `Put it there, name its directory with --ca-dir, or ${replaceAll}`

function summary(
  { leaves, withCa }: Order,
  store: CertificateStore,
  caStore: CertificateStore,
  files: StoredFiles,
  changes: ReadonlyMap<string, string>,
): CertificateSet {
  const entry = (stem: string, type: CertificateEntry['type'], keyPath: string): CertificateEntry[] => {
    const file = files.get(`${stem}.crt`)
    const [facts] = file ? readCertificates(file.text, file.path) : []
    if (!file || !facts) return []
    return [{ type, path: file.path, keyPath, facts, isNew: changes.has(`${stem}.crt`) }]
  }
  return {
    certDir: store.directory,
    entries: [
      ...(withCa ? entry('ca', 'ca', join(caStore.directory, 'ca.key')) : []),
      ...leaves.flatMap(({ stem, request }) =>
        entry(stem, request.type, join(store.directory, `${stem}.key`)),
      ),
    ],
    replacedCa: false,
    orphaned: [],
    previous: undefined,
  }
}
