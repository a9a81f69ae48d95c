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
  for (const holder of holders) {
    const sameName = keys.find(
      ({ path }) => dirname(path) === dirname(holder.path) && stemOf(path) === stemOf(holder.path),
    )
    const fitting = () => keys.find((key) => matching(holder, key, passphrase) >= 0)
    const isLeaf = leaves.includes(holder)
    const lone = contents.length === 2 && isLeaf ? keys[0] : undefined
    const key = (isLeaf && isNamed(holder) ? meant : undefined) ?? sameName ?? fitting() ?? lone
    if (key) pairs.set(holder, key)
  }
  return pairs
}

/** Which of the certificates is that of the key, -1 for none. */
function matching(holder: FileContent, { privateKey, path }: FileContent, passphrase: string | undefined) {
  try {
    const key = readPrivateKey(privateKey ?? '', path, passphrase)
    return holder.certificates.findIndex(({ x509 }) => x509.checkPrivateKey(key))
  } catch {
    return -1 // what is wrong with the key is said where it is judged
  }
}

/** The key of a leaf is that of the first certificate; while a CA is replaced, its file holds two. */
export function ownKeyAt(holder: FileContent, key: FileContent, passphrase: string | undefined): number {
  const isBundle = holder.certificates.every(({ isCa }) => isCa)
  return isBundle ? Math.max(0, matching(holder, key, passphrase)) : 0
}
