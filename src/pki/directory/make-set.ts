import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { MtlsError } from '../../errors.js'
import { writing } from '../../files/durable.js'
import { readCertificates } from '../../x509/pem.js'
import { readPrivateKey } from '../../x509/private-key.js'
import {
  type Authority,
  createAuthority,
  type Issued,
  issue,
  openAuthority,
  selfSigned,
} from '../certificate/authority.js'
import { privateKeyPem } from '../certificate/key.js'
import { parseRequests } from '../certificate/request.js'
import { CertificateStore } from '../store/store.js'
import type { StoredFiles } from '../store/stored-file.js'
import { IssuedIndex } from './issued-index.js'
import { listsOfNewCa, recordReplacedCa, replacedCertificates } from './replaced.js'
import { half, isComplete, missing, type Present, replaceAll } from './set-contents.js'
import type { CertificateEntry, CertificateOptions, CertificateSet, Order } from './set-request.js'
import { trustChanges } from './trust-changes.js'

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

async function make(
  order: Order,
  store: CertificateStore,
  caStore: CertificateStore,
  present: Present,
): Promise<CertificateSet> {
  const { files, caFiles } = present
  const leaves = missing(order, present)
  const lacks = (name: string) => caFiles.has(name) && !files.has(name)
  const needsCa = order.withCa && (leaves.length > 0 || !files.has('ca.crt') || lacks('ca.crl'))
  const { authority, isNew } = needsCa ? await authorityFor(order, caStore, present) : { isNew: false }
  const index = new IssuedIndex(caStore.directory)
  const caChanges = new Map<string, string>()
  const changes = caStore === store ? caChanges : new Map<string, string>()
  if (authority && isNew) {
    caChanges.set('ca.crt', authority.certificate).set('ca.key', authority.privateKey)
    changes.set('ca.crt', authority.certificate)
    const lists = listsOfNewCa(authority, present)
    if (lists !== undefined) for (const one of [caChanges, changes]) one.set('ca.crl', lists)
  } else if (authority && caStore !== store) {
    const past = (await index.list()).filter(({ isCa }) => isCa)
    const text = (name: string) => caFiles.get(name)?.text
    const ca = { certificates: text('ca.crt') ?? '', lists: text('ca.crl') }
    for (const [name, text] of trustChanges(files, ca, [authority.facts, ...past])) changes.set(name, text)
  }

  const serials = await index.serials()
  const successors = new Map<string, Issued>()
  for (const leaf of leaves) {
    const key = order.force ? undefined : files.get(`${leaf.stem}.key`)
    const held = {
      isUsed: (serial: string) => serials.has(serial),
      ...(key && { privateKey: privateKeyPem(readPrivateKey(key.text, key.path, order.options.passphrase)) }),
    }
    const issued: Issued = authority
      ? await issue(authority, leaf.request, held)
      : await selfSigned(leaf.request, held)
    changes.set(`${leaf.stem}.crt`, issued.certificate)
    if (!key) changes.set(`${leaf.stem}.key`, issued.privateKey)
    successors.set(`${leaf.stem}.crt`, issued)
  }
  // Asked before the index is written.
  if (caStore !== store) await caStore.check(caChanges.keys())
  await store.check(changes.keys())
  if (authority && isNew) await recordReplacedCa(index, authority, present)
  const replaced = [...changes.keys()].some((name) => files.has(name))
  const previous = await index.recordAround(authority ? [...successors.values()] : [], async () => {
    // The CA first: killed in between, the next run issues the rest from it.
    if (caStore !== store && caChanges.size > 0) await caStore.commit(caChanges)
    return store.commit(changes)
  })
  for (const [name, { facts }] of successors) {
    const [before] = replacedCertificates(files.get(name))
    if (before) await index.recordReplacement(before.serial, facts.serial)
  }
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
  return { authority: openAuthority(certificate, key, options.passphrase), isNew: false }
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
