import { dirname } from 'node:path'
import { MtlsError } from '../errors.js'
import { shellPath } from '../text/shell-word.js'

type Reason = readonly [what: string, fix: (path: string) => string]

const room: Reason[1] = () => 'Make room: a server that runs writes what waits by itself.'
const rights: Reason[1] = (path) =>
  `Let user ${process.geteuid?.() ?? 'of this process'} write ${path} and into ${dirname(path)}: the keys and the lock lie there too.`

const reasons: Readonly<Record<string, Reason>> = {
  ENOSPC: ['the disk is full', room],
  EDQUOT: ['the quota is used up', room],
  EFBIG: ['the file size limit is reached', room],
  EACCES: ['permission denied', rights],
  EPERM: ['permission denied', rights],
  EROFS: ['the file system is read-only', () => 'Choose a file on a disk that may be written.'],
  ENOENT: ['the directory does not exist', (path) => `Make it: \`mkdir -p ${shellPath(dirname(path))}\`.`],
  ENOTDIR: ['its directory is a file', () => 'Name a file in a directory.'],
  EISDIR: ['it is a directory', (path) => `Name a file in it: ${shellPath(`${path}/audit.jsonl`)}.`],
  EMFILE: ['too many files are open', () => 'Raise the limit of open files (`ulimit -n`).'],
  EAGAIN: ['nobody reads it', () => 'Start what reads it.'],
}

/** What keeps a record from being written, as an error of ours. */
export function auditFailure(error: unknown, name: string): MtlsError {
  if (error instanceof MtlsError) return error
  const { code = '', message } = error as NodeJS.ErrnoException
  const [what, fix] = reasons[code] ?? [code || message]
  return new MtlsError('AUDIT_FAILED', `${name} cannot be written: ${what}`, {
    ...(fix && { hint: fix(name) }),
    cause: error,
  })
}
