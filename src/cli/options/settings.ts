import { type Command, Option } from 'commander'
import type { Settings } from '../../config/index.js'
import {
  flagOf,
  type Setting,
  type SettingName,
  settingNames,
  settingTable,
} from '../../config/settings/setting-table.js'
import type { Io } from '../io/io.js'
import { printable, writeLines } from '../io/output.js'

/** Adds the flags of these settings to a command, as in `addSettingOptions(command, ...settingsOf('tls'))`. */
export function addSettingOptions(command: Command, ...names: readonly SettingName[]): Command {
  const all = names.flatMap((name) =>
    name === 'keyPassphrase' ? [name, 'keyPassphraseFile' as const] : [name],
  )
  for (const name of new Set(all)) {
    const setting: Setting = settingTable[name]
    const standard = setting.default === undefined ? '' : `, default ${setting.default}`
    const { placeholder } = setting.kind
    const value = placeholder === booleanPlaceholder ? `[${placeholder}]` : `<${placeholder}>`
    const option = new Option(`${flagOf(name)} ${value}`, `${setting.help} (${setting.variable}${standard})`)
    command.addOption(option.helpGroup('Settings (flag over environment over .env):'))
  }
  return command
}

/**
 * The settings of this run: flags of the command, environment, `.env`; `flags` for those with another name here. Call
 * it once, first in an action: it also prints the warnings.
 */
export async function resolveSettings(
  command: Command,
  io: Io,
  flags: Partial<Record<SettingName, string | boolean>> = {},
): Promise<Settings> {
  const { readDotenv, readSettings, settingNotices } = await import('../../config/index.js')
  const options: Record<string, unknown> = { ...command.optsWithGlobals(), ...flags }
  const isTaken = new Set(command.options.map((option) => option.attributeName()))
  const given = settingNames
    .filter((name) => options[name] !== undefined)
    .map((name) => [name, options[name] as string | boolean])
  const sources = {
    flags: Object.fromEntries(given),
    env: io.env,
    dotenv: readDotenv(io.cwd),
    cwd: io.cwd,
  }
  // What --allow decides, no policy does.
  const takes = settingNames.filter((name) => isTaken.has(name) && !(name === 'policy' && options.allow))
  writeLines(
    io.stderr,
    settingNotices(sources, takes).map((notice) => `warning: ${printable(notice)}`),
  )
  const settings = readSettings(sources)
  if (options.allow && settings.policy !== undefined)
    writeLines(io.stderr, [
      `warning: --allow is used instead of the policy of ${settingTable.policy.variable}`,
    ])
  return settings
}

const booleanPlaceholder = settingTable.demoMode.kind.placeholder

/**
 * `--demo-mode all` → `--demo-mode=true all`, `--watch certs` → `--watch=true certs`: an optional value is taken only
 * if it reads as a boolean or a duration; otherwise the flag would swallow the argument after it.
 */
export function bindOptionals(argv: readonly string[], command: Command): string[] {
  const takes = new Map(
    command.options
      .filter((option) => option.optional)
      .map(({ long, flags }) => [
        long,
        flags.includes(booleanPlaceholder) ? /^(?:true|false|1|0)$/ : /^\d+(?:\.\d+)?(?:ms|s|m)?$/,
      ]),
  )
  const own = ownArguments(argv)
  const bound = own.map((argument, index) =>
    takes.get(argument)?.test(own[index + 1] ?? '') === false ? `${argument}=true` : argument,
  )
  return [...bound, ...argv.slice(own.length)]
}

/** The arguments before `--`: those after it are no flags of ours. */
export function ownArguments(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf('--')
  return end < 0 ? argv : argv.slice(0, end)
}
