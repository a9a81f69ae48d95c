import { join } from 'node:path'
import { MtlsError } from '../../errors.js'
import { writing } from '../../files/durable-write.js'
import type { CertificateFacts } from '../../x509/certificate.js'
import { readPrivateKey } from '../../x509/private-key.js'
import { authorityOf } from '../certificate/authority.js'
import { type Authority, type Issued, makeCertificate } from '../certificate/certificate.js'
import {
  type LeafType,
  parseRequests,
  type Specification,
  type SubjectOptions,
  subjectKinds,
} from '../certificate/request.js'
import * as kind from '../option-kinds.js'
import { type OptionKinds, requireOptions } from '../require-options.js'
import type { StoredFiles } from '../store/stored-file.js'
import { IssuedIndex } from './issued-index.js'
import { newAuthorityFiles, recordReplacedAuthority, replacedCertificates } from './replaced-authority.js'
import {
  halfMissing,
  isComplete,
  missingLeaves,
  replaceAll,
  type WantedLeaf,
  type WantedSet,
} from './set-contents.js'
import {
  type CaOptions,
  type Contents,
  caKinds,
  exclusively,
  readContents,
  type Stores,
  storesOf,
} from './stores.js'
import { trustChanges } from './trust-changes.js'

export interface CertificateOptions extends CaOptions, SubjectOptions {
  /** Life of a new CA in days, more than 0 and at most 3650 (default). */
  readonly caValidityDays?: number | undefined
  /** The trust domain of a new CA, which may issue SPIFFE IDs of that alone; none by default. */
  readonly trustDomain?: string | undefined
  /** `false`: the server has no DNS name and no IP address, and is asked for by its identity; true by default. */
  readonly hostNames?: boolean | undefined
  /** More names of the server, or of the certificate that is added; none by default. */
  readonly subjectAltNames?: readonly string[] | undefined
  /** Replace what is there; false by default. */
  readonly force?: boolean | undefined
  /** Each certificate signs itself, and no CA is made: for demo mode, which alone accepts them; false by default. */
  readonly demoMode?: boolean | undefined
}

const certificateKinds = {
  ...caKinds,
  ...subjectKinds,
  caValidityDays: kind.ofRequest,
  trustDomain: kind.ofRequest,
  hostNames: kind.flag,
  subjectAltNames: kind.texts,
  force: kind.flag,
  demoMode: kind.flag,
} satisfies OptionKinds<CertificateOptions>

export interface CertificateSetOptions extends CertificateOptions {
  /** Common name of the server; `mcp-server` by default. */
  readonly serverName?: string | undefined
  /** Common name of the client; `mcp-client` by default. */
  readonly clientName?: string | undefined
}

const certificateSetKinds = {
  ...certificateKinds,
  serverName: kind.text,
  clientName: kind.text,
} satisfies OptionKinds<CertificateSetOptions>

export interface AddCertificateOptions extends CertificateOptions {
  /** What it is for. */
  readonly type: LeafType
  /** Common name, and name of the files: `NAME.crt`, `NAME.key`. */
  readonly name: string
}

const addCertificateKinds = {
  ...certificateKinds,
  type: kind.required(kind.ofRequest),
  name: kind.required(kind.text),
} satisfies OptionKinds<AddCertificateOptions>

export interface CertificateEntry {
  readonly type: LeafType | 'ca'
  readonly path: string
  readonly keyPath: string
  readonly facts: CertificateFacts
  /** Made by this call. */
  readonly isNew: boolean
}

export interface CertificateSet {
  readonly certDir: string
  readonly entries: readonly CertificateEntry[]
  readonly replacedCa: boolean
  /** Certificates in the directory that a replaced CA had issued: nobody trusts them any more. */
  readonly orphaned: readonly string[]
  /** The folder that keeps the previous files, when any was replaced. */
  readonly previous: string | undefined
}

/** By which this machine calls itself. */
const ownNames = ['localhost', '127.0.0.1', '::1'] as const

/**
 * Makes the usual set `ca`, `server`, `client`, or what is missing of it. Nothing is overwritten without `force`.
 * Throws `CONFIG_INVALID` for the options, `KEY_MISMATCH`, `CERT_INVALID` or `CERT_NOT_FOUND` for parts that are there and
 * do not fit together, `CERT_WRITE_FAILED`.
 */
export async function makeCertificateSet(options: CertificateSetOptions): Promise<CertificateSet> {
  requireOptions(options, certificateSetKinds, "makeCertificateSet({ certDir: './certs' })")
  const { serverName, clientName, subjectAltNames: names = [], demoMode = false, force = false } = options
  const { hostNames = true } = options
  const server: LeafRequest = {
    stem: 'server',
    type: 'server',
    commonName: serverName ?? 'mcp-server',
    subjectAltNames: hostNames ? [...names, ...ownNames] : names,
    hostNames,
    demands: { commonName: serverName, names, hostNames },
  }
  const client: LeafRequest = {
    stem: 'client',
    type: 'client',
    commonName: clientName ?? 'mcp-client',
    subjectAltNames: [],
    demands: { commonName: clientName, names: [] },
  }
  return complete(wantedSet(options, [server, client], force && !demoMode), await storesOf(options))
}

/** Makes the CA of a directory alone, where there is none or with `force`. Throws what `makeCertificateSet` throws. */
export async function makeAuthority(options: CertificateOptions): Promise<CertificateSet> {
  requireOptions(
    options,
    certificateKinds,
    "makeAuthority({ certDir: './certs', trustDomain: 'example.org' })",
  )
  const { force = false } = options
  return complete(wantedSet({ ...options, demoMode: false }, [], force), await storesOf(options))
}

/** Issues one more certificate from the CA of the directory, `NAME.crt` and `NAME.key`; makes the CA when there is none. */
export async function addCertificate(options: AddCertificateOptions): Promise<CertificateSet> {
  const call = "addCertificate({ certDir: './certs', type: 'client', name: 'agent' })"
  requireOptions(options, addCertificateKinds, call)
  const { type, name, subjectAltNames: names = [], hostNames = true } = options
  // A server that got no names of its own is one to try out on this machine.
  const subjectAltNames = type === 'server' && hostNames && names.length === 0 ? ownNames : names
  const isNameless = type === 'server' && !hostNames
  const demands = { names, hostNames: !isNameless }
  const leaf = { stem: name, type, commonName: name, subjectAltNames, hostNames, demands }
  return complete(wantedSet(options, [leaf], false, fileNameProblems(name)), await storesOf(options))
}

interface LeafRequest extends Pick<WantedLeaf, 'stem' | 'demands'> {
  readonly type: LeafType
  readonly commonName: string
  readonly subjectAltNames: readonly string[]
  readonly hostNames?: boolean
}

/** What is asked for, checked as a whole: nothing is begun when any part of it is wrong. */
function wantedSet(
  options: CertificateOptions,
  leafRequests: readonly LeafRequest[],
  replaceCa: boolean,
  problems: readonly string[] = [],
): WantedSet {
  const { certDir, passphrase, organization, country, validityDays, caValidityDays, keyType, keySize } =
    options
  const { force = false, demoMode = false, trustDomain } = options
  const subject = { organization, country, keyType, keySize }
  const requests = leafRequests.map(({ stem, demands, ...request }) => ({
    ...request,
    ...subject,
    validityDays,
  }))
  const parsed = parseRequests(requests, { ...subject, validityDays: caValidityDays, trustDomain }, problems)
  const leaves = leafRequests.map(({ stem, demands }, at) => {
    return { stem, demands, specification: parsed.leaves[at] as Specification }
  })
  return { certDir, passphrase, ca: demoMode ? undefined : parsed.ca, leaves, force, replaceCa, trustDomain }
}

function fileNameProblems(name: string): string[] {
  if (/^(?:ca|server|client)$/i.test(name)) return [`name: ${name} is a name of the usual set`]
  if (/^[\p{L}\p{N}_][\p{L}\p{N}_ .@+-]*$/u.test(name)) return []
  return [`name: ${JSON.stringify(name)} is no name for a file: letters, digits and _ . @ + - are`]
}

/** Makes what is missing, all of it or nothing. */
async function complete(wanted: WantedSet, stores: Stores): Promise<CertificateSet> {
  const present = await writing(stores.store.directory, () => readContents(stores))
  // Without a lock, so that a complete set may lie on a read-only disk.
  if (isComplete(wanted, present)) return summary(wanted, stores, present.files)
  return exclusively(stores, async () => {
    const there = await readContents(stores)
    return publish(await make(wanted, stores, there), wanted, stores, there)
  })
}

/** What was made, or found to make the rest with. */
interface Made {
  readonly index: IssuedIndex
  /** Undefined when none is needed: the leaves sign themselves, or none is missing. */
  readonly ca: { readonly authority: Authority; readonly isNew: boolean } | undefined
  readonly leaves: readonly MadeLeaf[]
}

interface MadeLeaf {
  readonly stem: string
  readonly issued: Issued
  /** It certifies the key that is there already. */
  readonly hasKey: boolean
}

async function make(wanted: WantedSet, stores: Stores, present: Contents): Promise<Made> {
  const { files } = present
  const index = new IssuedIndex(stores.caStore.directory)
  const missing = missingLeaves(wanted, present)
  const ca = await authorityFor(wanted, missing, stores, present)
  const serials = await index.serials()
  const leaves: MadeLeaf[] = []
  for (const { stem, specification } of missing) {
    const key = wanted.force ? undefined : files.get(`${stem}.key`)
    const issued = await makeCertificate(specification, ca?.authority, {
      isUsed: (serial) => serials.has(serial),
      ...(key && { privateKey: readPrivateKey(key.text, key.path, wanted.passphrase) }),
    })
    leaves.push({ stem, issued, hasKey: key !== undefined })
  }
  return { index, ca, leaves }
}

/** The CA of the directory, or a new one where there is none at all; undefined when none is needed. */
async function authorityFor(
  { ca, passphrase, replaceCa }: WantedSet,
  missing: readonly WantedLeaf[],
  { caStore }: Stores,
  { files, caFiles }: Contents,
): Promise<Made['ca']> {
  const lacksLists = caFiles.has('ca.crl') && !files.has('ca.crl')
  if (!ca || (missing.length === 0 && files.has('ca.crt') && !lacksLists)) return undefined
  const [certificate, key] = [caFiles.get('ca.crt'), caFiles.get('ca.key')]
  if (replaceCa || !(certificate || key || files.has('ca.crt')))
    return { authority: await makeCertificate(ca, undefined), isNew: true }
  const keyPath = join(caStore.directory, 'ca.key')
  if (!key)
    throw new MtlsError('CERT_NOT_FOUND', `${keyPath} is missing: without it nothing can be issued`, {
      hint: `Put it there, name its directory with --ca-dir, or ${replaceAll}`,
    })
  if (!certificate) throw halfMissing(join(caStore.directory, 'ca.crt'), keyPath)
  return { authority: authorityOf(certificate, key, passphrase), isNew: false }
}

async function publish(
  { index, ca, leaves }: Made,
  wanted: WantedSet,
  stores: Stores,
  present: Contents,
): Promise<CertificateSet> {
  const { store, caStore } = stores
  const { files, caFiles } = present
  const caChanges = new Map(ca?.isNew ? newAuthorityFiles(ca.authority, present) : [])
  const changes = caStore === store ? caChanges : new Map(await trustOf(ca, caChanges, index, present))
  for (const { stem, issued, hasKey } of leaves) {
    changes.set(`${stem}.crt`, issued.certificate)
    if (!hasKey) changes.set(`${stem}.key`, issued.privateKey)
  }
  // Asked before the index is written.
  if (caStore !== store) await caStore.check(caChanges.keys())
  await store.check(changes.keys())
  if (ca?.isNew) await recordReplacedAuthority(index, ca.authority, caFiles.get('ca.crt'))
  const issued = ca ? leaves.map(({ issued }) => issued) : []
  const previous = await index.recordAround(issued, async () => {
    // The CA first: killed in between, the next run issues the rest from it.
    if (caStore !== store && caChanges.size > 0) await caStore.commit(caChanges)
    return store.commit(changes)
  })
  for (const { stem, issued } of leaves) {
    const [before] = replacedCertificates(files.get(`${stem}.crt`))
    if (before) await index.recordReplacement(before.serial, issued.facts.serial)
  }
  const set = summary(wanted, stores, await store.read(), changes)
  const isReplaced = [...changes.keys()].some((name) => files.has(name))
  const replacedCa = ca?.isNew === true && caFiles.has('ca.crt')
  const others = [...files.values()].map(({ path }) => path).filter((path) => path.endsWith('.crt'))
  const orphaned = others.filter((path) => !set.entries.some((entry) => entry.path === path))
  return {
    ...set,
    previous: isReplaced ? previous : undefined,
    replacedCa,
    orphaned: replacedCa ? orphaned : [],
  }
}

/** What a party whose CA is kept elsewhere needs to trust it. */
async function trustOf(
  ca: Made['ca'],
  caChanges: ReadonlyMap<string, string>,
  index: IssuedIndex,
  { files, caFiles }: Contents,
): Promise<Iterable<readonly [name: string, text: string]>> {
  if (!ca) return []
  if (ca.isNew) return [...caChanges].filter(([name]) => name !== 'ca.key')
  const past = (await index.list()).filter(({ isCa }) => isCa)
  const certificates = caFiles.get('ca.crt')?.certificates ?? []
  return trustChanges(files, { certificates, lists: caFiles.get('ca.crl')?.lists }, [
    ca.authority.facts,
    ...past,
  ])
}

function summary(
  { ca, leaves }: WantedSet,
  { store, caStore }: Stores,
  files: StoredFiles,
  changes: ReadonlyMap<string, string> = new Map(),
): CertificateSet {
  const entry = (stem: string, type: CertificateEntry['type'], keyFolder: string): CertificateEntry[] => {
    const file = files.get(`${stem}.crt`)
    const [facts] = file?.certificates ?? []
    if (!file || !facts) return []
    const keyPath = join(keyFolder, `${stem}.key`)
    return [{ type, path: file.path, keyPath, facts, isNew: changes.has(`${stem}.crt`) }]
  }
  return {
    certDir: store.directory,
    entries: [
      ...(ca ? entry('ca', 'ca', caStore.directory) : []),
      ...leaves.flatMap(({ stem, specification }) => entry(stem, specification.type, store.directory)),
    ],
    replacedCa: false,
    orphaned: [],
    previous: undefined,
  }
}
