import { existsSync } from 'node:fs'
import { pathsOf, type UserPlaces } from '../config/user-places.js'
import type { DesktopClient, Paths } from './clients.js'

/** `project` is for those who work in the current directory; `user` everywhere. */
export type Scope = 'user' | 'project'

/** The files that a client may have in a scope, absolute, the usual one first; none when it has no such scope. */
export function filesOf(
  client: DesktopClient,
  scope: Scope,
  places: UserPlaces,
  cwd: string,
  exists = existsSync,
): string[] {
  const { join, isAbsolute } = pathsOf(places.system)
  if (scope === 'project') return (client.projectFiles ?? []).map((path) => join(cwd, ...path.split('/')))
  const [variable = '', file = ''] = client.variable ?? []
  const set = places.env[variable] ?? ''
  return isAbsolute(set) ? [join(set, file)] : pathsIn(client.files, inPackage(client, places, exists))
}

/** The file that counts: the first that exists, else the usual one; undefined when the client has no such scope. */
export function fileOf(
  client: DesktopClient,
  scope: Scope,
  places: UserPlaces,
  cwd: string,
): string | undefined {
  const files = filesOf(client, scope, places, cwd)
  return files.find((path) => existsSync(path)) ?? files[0]
}

/** Whether there is anything of the client in the places of this user. */
export function isHere(client: DesktopClient, places: UserPlaces): boolean {
  return [...pathsIn(client.signs, inPackage(client, places)), ...filesOf(client, 'user', places, '')].some(
    (path) => existsSync(path),
  )
}

/** Windows keeps what a program from a package writes into `%APPDATA%` in the package, and shows the program that alone. */
function inPackage({ windowsPackage }: DesktopClient, places: UserPlaces, exists = existsSync): UserPlaces {
  if (windowsPackage === undefined || places.system !== 'win32') return places
  const { join } = pathsOf(places.system)
  const own = join(places.localData, 'Packages', windowsPackage)
  return exists(own) ? { ...places, data: join(own, 'LocalCache', 'Roaming') } : places
}

function pathsIn(paths: Paths, places: UserPlaces): string[] {
  const { join } = pathsOf(places.system)
  const all = 'linux' in paths ? paths[places.system] : paths
  return all.map((path) => {
    const [root = '', ...rest] = path.split('/')
    return join(places[root.slice(1, -1) as 'home' | 'xdg' | 'data'], ...rest)
  })
}
