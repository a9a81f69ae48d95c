import { isDeepStrictEqual } from 'node:util'
import { MtlsError } from '../errors.js'
import { backupOf, type Changed, changeClientFile, readClientFile, understood } from './client-file.js'
import type { DesktopClient } from './clients.js'
import { entriesIn, withEntry, withoutEntry } from './edit.js'
import { type Entry, isOurs, type Launch, launchOf, merged, urlsOf } from './launch.js'
import type { Scope } from './places.js'

/** A server in a file of a client. */
export interface Place {
  readonly client: DesktopClient
  readonly scope: Scope
  readonly path: string
}

export interface InstallOptions {
  readonly name: string
  readonly launch: Launch
  /** Whether the user chose the name: then one of ours that has it may get other servers. */
  readonly isChosen: boolean
}

/** One of our servers in a file. */
export interface OwnServer {
  readonly name: string
  readonly urls: readonly string[]
  readonly launch: Launch
}

/**
 * Puts a server into the file of a client; one of ours that is there under this name is brought up to date. Throws
 * `CONFIG_INVALID` when the name belongs to another server, `CLIENT_CONFIG_FAILED`.
 */
export async function install(place: Place, { name, launch, isChosen }: InstallOptions): Promise<Changed> {
  const { client, path, scope } = place
  const wanted = client.shape(launch, name)
  return await changeClientFile(
    path,
    (now) =>
      understood(path, () => {
        const there = now && now.text.trim() !== '' ? entriesIn(client, now.text).get(name) : undefined
        if (there === undefined) return { text: withEntry(client, now?.text, name, wanted) }
        requireOurs(place, name, there)
        if (!isChosen) requireSameServers(place, name, there, wanted)
        const entry = merged(there, wanted)
        return {
          text: isDeepStrictEqual(entry, there) ? now?.text : withEntry(client, now?.text, name, entry),
        }
      }),
    // A project's file is shared; that of a user may hold secrets.
    { mayMake: true, mode: scope === 'project' ? 0o644 : 0o600 },
  )
}

/**
 * Takes a server of ours out of the file of a client. What was there before it came is there again, to the last byte where that can
 * be known; without the server nothing happens. Throws `CONFIG_INVALID` when the name belongs to another server, `CLIENT_CONFIG_FAILED`.
 */
export async function uninstall(place: Place, name: string): Promise<Changed> {
  const { client, path } = place
  return await changeClientFile(
    path,
    (now, backup) =>
      understood(path, () => {
        if (now === undefined || now.text.trim() === '') return { text: now?.text }
        const there = entriesIn(client, now.text).get(name)
        if (there === undefined) return { text: now.text }
        requireOurs(place, name, there)
        return { text: withoutEntry(client, now.text, name, backup?.text) }
      }),
    { mayMake: false, mode: 0o600 },
  )
}

/** Our servers in a file; none when it is not there. Throws `CLIENT_CONFIG_FAILED`. */
export async function ownServers({ client, path }: Pick<Place, 'client' | 'path'>): Promise<OwnServer[]> {
  const file = await readClientFile(path)
  if (file === undefined || file.text.trim() === '') return []
  const entries = understood(path, () => entriesIn(client, file.text))
  return [...entries].flatMap(([name, entry]) => {
    const launch = isOurs(entry) ? launchOf(entry) : undefined
    return launch ? [{ name, urls: urlsOf(entry), launch }] : []
  })
}

export { backupOf }

function requireOurs({ client, path }: Place, name: string, there: unknown): void {
  if (isOurs(there)) return
  throw new MtlsError(
    'CONFIG_INVALID',
    `${path}: "${name}" is another server of ${client.title}, and was left alone`,
    {
      hint: 'Give ours another name: --name NAME.',
    },
  )
}

function requireSameServers({ path }: Place, name: string, there: unknown, wanted: Entry): void {
  const [now, then] = [urlsOf(there), urlsOf(wanted)]
  if (isDeepStrictEqual(now, then)) return
  throw new MtlsError(
    'CONFIG_INVALID',
    `${path}: "${name}" is there already, for ${now.join(', ') || 'other servers'}`,
    {
      hint: `Give the new one another name: --name NAME. Or write \`--name ${name}\` to replace it.`,
    },
  )
}
