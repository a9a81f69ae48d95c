/** How a client starts a server: a program, its arguments, and variables beside the client's own. */
export interface Launch {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

/** What a client's file says of one server, in whatever shape the client wants. */
export type Entry = Readonly<Record<string, unknown>>

/** The one variable that we set. Other ones in an entry are the user's. */
export const passphraseVariable = 'TLS_KEY_PASSPHRASE_FILE'

/** What an entry starts, whatever its shape; undefined when it starts nothing, as one with a URL. */
export function launchOf(entry: unknown): Launch | undefined {
  if (!isObject(entry)) return undefined
  const { command = entry.cmd, args = [], env = entry.environment ?? entry.envs ?? {} } = entry
  const words = [command, args].flat()
  if (!words.every((word) => typeof word === 'string')) return undefined
  const [program, ...rest] = words
  if (program === undefined || !isObject(env)) return undefined
  const variables = Object.entries(env).map(([name, value]) => [name, String(value)] as const)
  return { command: program, args: rest, env: Object.fromEntries(variables) }
}

/** Whether an entry is one of ours: it starts `mcp-mtls bridge`, from wherever. */
export function isOurs(entry: unknown): boolean {
  const launch = launchOf(entry)
  if (launch === undefined) return false
  const words = [launch.command, ...launch.args]
  return words.some(
    (word, at) => /(^|[\\/])mcp-mtls(\.js|\.cmd|@[\w.-]+)?$/.test(word) && words[at + 1] === 'bridge',
  )
}

/** The servers behind an entry of ours. */
export function urlsOf(entry: unknown): string[] {
  const { args = [] } = launchOf(entry) ?? {}
  return args.slice(args.indexOf('bridge') + 1).filter((word, at, all) => {
    const before = all[at - 1] ?? ''
    return /^https?:\/\//i.test(word) && !(before.startsWith('--') && !before.includes('='))
  })
}

/**
 * An entry of ours as it is now, and what is wanted of it: what the user has added stays (switches of the client, variables),
 * what we write is replaced.
 */
export function merged(now: unknown, wanted: Entry): Entry {
  if (!isObject(now)) return wanted
  const entry: Record<string, unknown> = { ...now, ...wanted }
  for (const name of ['env', 'environment', 'envs'])
    if (isObject(now[name])) {
      const { [passphraseVariable]: _ours, ...theirs } = now[name]
      entry[name] = { ...theirs, ...(isObject(wanted[name]) ? wanted[name] : {}) }
    }
  // A switch that the client changes is its user's.
  for (const name of ['enabled', 'timeout', 'tools', 'description']) if (name in now) entry[name] = now[name]
  return entry
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
