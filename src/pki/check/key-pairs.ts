import type { KeyObject, X509Certificate } from 'node:crypto'
import { dirname } from 'node:path'
import { readPrivateKey } from '../../x509/private-key.js'
import { stemOf } from '../store/stored-file.js'
import type { FileContent } from './file-content.js'

/** The file of the key for each file of certificates; `named` are those that the caller named one by one. */
export function keysOf(
  contents: readonly FileContent[],
  passphrase: string | undefined,
  named: readonly string[] = [],
): ReadonlyMap<FileContent, FileContent> {
  const holders = contents.filter(({ certificates }) => certificates.length > 0)
  const keys = contents.filter(({ privateKey }) => privateKey !== undefined)
  // A certificate and a key that were named together are meant as a pair, whatever lies beside them.
  const leaves = holders.filter(({ certificates }) => !certificates[0]?.isCa)
  const isNamed = ({ path }: FileContent) => named.includes(path)
  const [only, ...moreKeys] = keys.filter(isNamed)
  const meant = leaves.filter(isNamed).length === 1 && moreKeys.length === 0 ? only : undefined
  const pairs = new Map<FileContent, FileContent>()
  const read = keys.map((key) => ({ key, object: readKey(key, passphrase) }))
  for (const holder of holders) {
    const sameName = keys.find(
      ({ path }) => dirname(path) === dirname(holder.path) && stemOf(path) === stemOf(holder.path),
    )
    const fitting = () => read.find(({ object }) => matching(holder, object) >= 0)?.key
    const isLeaf = leaves.includes(holder)
    const lone = contents.length === 2 && isLeaf ? keys[0] : undefined
    const key = (isLeaf && isNamed(holder) ? meant : undefined) ?? sameName ?? fitting() ?? lone
    if (key) pairs.set(holder, key)
  }
  return pairs
}

/** Undefined for a key that cannot be read: what is wrong with it is said where it is judged. */
function readKey({ privateKey, path }: FileContent, passphrase: string | undefined): KeyObject | undefined {
  try {
    return readPrivateKey(privateKey ?? '', path, passphrase)
  } catch {
    return undefined
  }
}

/** Which of the certificates is that of the key, -1 for none. */
function matching({ certificates }: FileContent, key: KeyObject | undefined): number {
  return key ? certificates.findIndex(({ x509 }) => isKeyOf(x509, key)) : -1
}

function isKeyOf(x509: X509Certificate, key: KeyObject): boolean {
  try {
    return x509.checkPrivateKey(key)
  } catch {
    return false
  }
}

/** The key of a leaf is that of the first certificate; while a CA is replaced, its file holds two. */
export function ownKeyAt(holder: FileContent, key: FileContent, passphrase: string | undefined): number {
  const isBundle = holder.certificates.every(({ isCa }) => isCa)
  return isBundle ? Math.max(0, matching(holder, readKey(key, passphrase))) : 0
}
