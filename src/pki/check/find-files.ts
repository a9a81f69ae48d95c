import { constants, readdir, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { directoryExposure } from '../../files/exposure.js'
import { isThere } from '../../files/read-file.js'
import { shellPath } from '../../text/shell-word.js'
import { otherHalf, stemOf } from '../store/stored-file.js'
import { type CheckFinding, checkFinding } from './check-finding.js'

export interface FoundFiles {
  readonly files: readonly string[]
  /** What is wrong with the directory itself. */
  readonly findings: readonly CheckFinding[]
}

/** The files meant by a path: those of a directory, or the file itself with the key of the same name. */
export async function findFiles(path: string): Promise<FoundFiles> {
  try {
    const found = await stat(path)
    if (!found.isDirectory()) return { files: [path, ...(await keyBeside(path))], findings: [] }
    const files = filesOf(await readdir(path)).map((name) => join(path, name))
    const exposed = directoryExposure(path, found.mode)
    return {
      files,
      findings: [
        ...(files.length === 0 ? [checkFinding('CERT_NOT_FOUND', `${path} holds no certificates`)] : []),
        ...(exposed
          ? [checkFinding('FILE_MODE', exposed, `Keep it to its owner: \`chmod go-w ${shellPath(path)}\`.`)]
          : []),
      ],
    }
  } catch (error) {
    if (extname(path) !== '') return { files: [path], findings: [] } // reading it will say why not
    const { code } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`
    return { files: [], findings: [checkFinding('CERT_DIR_NOT_FOUND', `${path} ${why}`)] }
  }
}

async function keyBeside(path: string): Promise<string[]> {
  if (extname(path) !== '.crt') return []
  const key = otherHalf(path)
  return (await isThere(key, constants.R_OK)) ? [key] : []
}

const usual = ['ca', 'server', 'client']

/** Ours in their usual order; one half of a usual pair asks for the other. */
function filesOf(names: readonly string[]): string[] {
  const files = new Set(names.filter((name) => /^[^.].*\.(?:crt|cer|pem|der|key|crl)$/i.test(name)))
  for (const stem of ['server', 'client'])
    if (files.has(`${stem}.crt`) || files.has(`${stem}.key`)) files.add(`${stem}.crt`).add(`${stem}.key`)
  const rank = (name: string) => {
    const at = usual.indexOf(stemOf(name))
    return extname(name) === '.crl' ? usual.length + 1 : at < 0 ? usual.length : at
  }
  return [...files].sort((one, other) => rank(one) - rank(other) || (one < other ? -1 : 1))
}
