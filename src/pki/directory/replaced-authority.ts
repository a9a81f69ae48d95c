import type { CertificateFacts } from '../../x509/certificate.js'
import type { Authority } from '../certificate/certificate.js'
import { createCrl } from '../certificate/crl.js'
import type { StoredFile } from '../store/stored-file.js'
import type { IssuedIndex } from './issued-index.js'
import type { Contents } from './stores.js'
import { listsPem } from './trust-changes.js'

// `cert-gen --force` replaces what is damaged too: what cannot be read here counts as nothing.

/**
 * The files of a new CA. Once there are lists, a CA without one is refused: the new one brings its own, and that of the
 * old one goes.
 */
export function newAuthorityFiles(
  authority: Authority,
  { files, caFiles }: Contents,
): [name: string, text: string][] {
  const own: [string, string][] = [
    ['ca.crt', authority.certificate],
    ['ca.key', authority.privateKey],
  ]
  const listFiles = [caFiles.get('ca.crl'), files.get('ca.crl')].filter((file) => file !== undefined)
  if (listFiles.length === 0) return own
  const old = [caFiles, files].flatMap((all) => replacedCertificates(all.get('ca.crt')))
  const foreign = listFiles
    .flatMap((file) => ifReadable(() => file.lists))
    .filter((list) => !old.some((ca) => list.isSignedBy(ca)))
  return [...own, ['ca.crl', listsPem([createCrl(authority, new Map()), ...foreign])]]
}

/** The parties of a CA that was replaced still belong to it: by the index they find to the new one. */
export async function recordReplacedAuthority(
  index: IssuedIndex,
  authority: Authority,
  file: StoredFile | undefined,
): Promise<void> {
  const old = replacedCertificates(file)
  if (old.length === 0) return
  const serials = await index.serials()
  const all = [...old.map((facts) => ({ facts, certificate: facts.x509.toString() })), authority]
  for (const ca of all) if (!serials.has(ca.facts.serial)) await index.record(ca)
}

/** The certificates of a file that is being replaced. */
export function replacedCertificates(file: StoredFile | undefined): readonly CertificateFacts[] {
  return file ? ifReadable(() => file.certificates) : []
}

function ifReadable<One>(read: () => readonly One[]): readonly One[] {
  try {
    return read()
  } catch {
    return []
  }
}
