import { homedir } from 'node:os'
import { posix, win32 } from 'node:path'
import type { Environment } from './child-environment.js'

/** The systems whose places are known; every other is like Linux. */
export type PlaceSystem = 'darwin' | 'linux' | 'win32'

/** Where programs keep the files of a user. */
export interface UserPlaces {
  readonly system: PlaceSystem
  readonly home: string
  /** `XDG_CONFIG_HOME`, or `.config` in the home directory, on every system. */
  readonly xdg: string
  /** Application data: `~/Library/Application Support`, `%APPDATA%`, or `xdg`. */
  readonly data: string
  /** `%LOCALAPPDATA%`; on other systems as `data`. */
  readonly localData: string
  /** The environment that was looked at, for variables of single programs. */
  readonly env: Environment
}

/** The places of the user of this environment. */
export function userPlaces(env: Environment, platform: string = process.platform): UserPlaces {
  const system = platform === 'win32' || platform === 'darwin' ? platform : 'linux'
  const { join, isAbsolute } = pathsOf(system)
  const home = (system === 'win32' ? env.USERPROFILE : env.HOME) || homedir()
  // A relative path is to be ignored (XDG Base Directory Specification).
  const set = env.XDG_CONFIG_HOME ?? ''
  const xdg = isAbsolute(set) ? set : join(home, '.config')
  const data = {
    darwin: join(home, 'Library', 'Application Support'),
    linux: xdg,
    win32: env.APPDATA || join(home, 'AppData', 'Roaming'),
  }[system]
  const localData = system === 'win32' ? env.LOCALAPPDATA || join(home, 'AppData', 'Local') : data
  return { system, home, xdg, data, localData, env }
}

/** How paths are written there. */
export function pathsOf(system: PlaceSystem): typeof posix {
  return system === 'win32' ? win32 : posix
}
