import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { starterPolicy } from '../../../auth/policy/policy.js'
import type { Settings } from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import { listIssued } from '../../../pki/directory/list.js'
import type { Io } from '../../io/io.js'
import { day, printable, shownPath, typedPath, writeJson, writeLines } from '../../io/output.js'
import { type DirectoryFlags, directoriesOf } from '../../options/directories.js'
import { vouchingOf } from './files.js'

export interface InitFlags extends DirectoryFlags {
  readonly out?: string
  readonly json?: boolean
}

export async function initPolicy(
  directory: string | undefined,
  flags: InitFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  const { certDir, caDir } = directoriesOf(settings, flags, io, directory)
  const authority = directory === undefined ? (caDir ?? certDir) : certDir
  const [{ entries, damaged }, { domainOf }] = await Promise.all([
    listIssued({ caDir: authority }),
    vouchingOf([authority], settings),
  ])
  writeLines(
    io.stderr,
    damaged.map((path) => `warning: ${printable(shownPath(path, io))} holds no certificate any more`),
  )
  const inUse = entries.filter(({ status }) => status === 'valid' || status === 'expiring')
  const policy = starterPolicy(
    inUse.map(({ certificate: leaf }) => ({
      label: `${leaf.subject}, until ${day(leaf.notAfter)}`,
      leaf,
      trustDomain: domainOf(leaf),
    })),
  )
  const path = flags.out === undefined ? undefined : resolve(io.cwd, flags.out)
  if (path !== undefined) await writeNew(path, policy)
  if (flags.json) return writeJson(io, { path: path ?? null, policy })
  if (path === undefined) return void io.stdout.write(policy)
  writeLines(io.stdout, [
    `${printable(shownPath(path, io))} is written: every client may do everything until you narrow it`,
    `next: npx mcp-mtls policy check ${typedPath(path, io)}`,
  ])
}

/** Others may read it and not change it, whatever the umask lets them do: it would be refused. */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o644 })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const [what, hint] =
      code === 'EEXIST'
        ? ['is there already', 'Name another file: one that is there is never replaced.']
        : [`cannot be written (${code})`, 'Name a file in a directory that is there and yours.']
    throw new MtlsError('CONFIG_INVALID', `--out: ${path} ${what}`, { hint, cause })
  }
}
