import { dirname } from 'node:path'
import type { FileContent } from './file-content.js'
import { stemOf } from './find-files.js'
import { readPrivateKey } from './key.js'

/** The file of the key for each file of certificates. */
export function keysOf(
  contents: readonly FileContent[],
  passphrase: string | undefined,
): ReadonlyMap<FileContent, FileContent> {
  const holders = contents.filter(({ certificates }) => certificates.length > 0)
  const keys = contents.filter(({ privateKey }) => privateKey !== undefined)
  const pairs = new Map<FileContent, FileContent>()
  for (const holder of holders) {
    const sameName = keys.find(
      ({ path }) => dirname(path) === dirname(holder.path) && stemOf(path) === stemOf(holder.path),
    )
    const fitting = () => keys.find((key) => matching(holder, key, passphrase) >= 0)
    // Two files that were named together are meant as a pair.
    const together = contents.length === 2 && holders.length === 1 && !holder.certificates[0]?.isCa
    const key = sameName ?? fitting() ?? (together ? keys[0] : undefined)
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
