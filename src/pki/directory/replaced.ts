import type { CertificateFacts } from '../../x509/certificate.js'
import { readCrls } from '../../x509/crl.js'
import { readCertificates } from '../../x509/pem.js'
import type { Authority } from '../certificate/authority.js'
import { createCrl } from '../certificate/crl.js'
import type { StoredFile } from '../store/stored-file.js'
import type { IssuedIndex } from './issued-index.js'
import type { Present } from './set-contents.js'
import { listsPem } from './trust-changes.js'

// `cert-gen --force` replaces what is damaged too: what cannot be read here counts as nothing.

/** The certificates of a file that is being replaced. */
export function replacedCertificates(file: StoredFile | undefined): readonly CertificateFacts[] {
  return file ? ifReadable(() => readCertificates(file.text, file.path)) : []
}

/** The parties of a CA that was replaced still belong to it: by the index they find to the new one. */
export async function recordReplacedCa(
  index: IssuedIndex,
  authority: Authority,
  { caFiles }: Present,
): Promise<void> {
  const old = replacedCertificates(caFiles.get('ca.crt'))
  if (old.length === 0) return
  const serials = await index.serials()
  const all = [...old.map((facts) => ({ facts, certificate: facts.x509.toString() })), authority]
  for (const ca of all) if (!serials.has(ca.facts.serial)) await index.record(ca)
}

/**
 * The text of `ca.crl` for a new CA, undefined when no list is in use. Once there are lists, a CA without one is
 * refused: a new CA brings its own, and that of the old one goes.
 */
export function listsOfNewCa(authority: Authority, { files, caFiles }: Present): string | undefined {
  const listFiles = [caFiles.get('ca.crl'), files.get('ca.crl')].filter((file) => file !== undefined)
  if (listFiles.length === 0) return undefined
  const old = [caFiles, files].flatMap((all) => replacedCertificates(all.get('ca.crt')))
  const lists = listFiles.flatMap(({ text, path }) => ifReadable(() => readCrls(text, path)))
  const foreign = lists.filter((list) => !old.some((ca) => list.isSignedBy(ca)))
  return listsPem([createCrl(authority, new Map()), ...foreign])
}

function ifReadable<One>(read: () => readonly One[]): readonly One[] {
  try {
    return read()
  } catch {
    return []
  }
}
