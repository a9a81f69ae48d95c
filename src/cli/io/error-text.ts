import { CommanderError } from 'commander'
import { wantsDebug } from '../../config/debug.js'
import { settingTable } from '../../config/settings/setting-table.js'
import { MtlsError } from '../../errors.js'
import type { Io } from './io.js'
import { printable, writeJson, writeLines } from './output.js'

/** An error as printed for people and as `--json`. */
export interface ErrorText {
  readonly code: string
  readonly message: string
  readonly hint?: string
}

/** `error:` and `hint:` lines on stderr; with `json` also `{ "error": … }` on stdout. */
export function writeError(io: Io, error: ErrorText, json: boolean): void {
  const lines = [`error: ${error.code}: ${error.message}`]
  if (error.hint !== undefined) lines.push(`hint: ${error.hint}`)
  writeLines(io.stderr, lines.join('\n').split('\n').map(printable))
  if (json) writeJson(io, { error })
}

/** The text for anything that was thrown. */
export function errorText(error: unknown, { env }: Pick<Io, 'env'>): ErrorText {
  if (error instanceof CommanderError) return usageText(error)
  if (error instanceof MtlsError) return error.toJSON()
  const { code, path, syscall } = error as NodeJS.ErrnoException
  if (syscall !== undefined && path !== undefined && code !== undefined) return placeText(path, code)
  const { variable } = settingTable.logLevel
  const message =
    error instanceof Error ? ((wantsDebug(env) ? error.stack : undefined) ?? error.message) : String(error)
  const hint = `This is a mistake in mcp-mtls; ${variable}=debug shows where it happened.`
  return { code: 'INTERNAL', message, hint }
}

/** commander writes `error: what\n(Did you mean that?)`. */
function usageText(error: CommanderError): ErrorText {
  if (error.code === 'commander.help') return { code: 'CONFIG_INVALID', message: 'no command given' }
  // The value after a misspelt option may be a secret.
  const told = error.message.replace(/^error: /, '').replace(/('(?:--?[^'=\s]*=|-[^'-]))[^'\n]+'/, "$1…'")
  const [message = '', suggestion] = told.split('\n')
  const nearest = suggestion?.replace(/^\((.*)\)$/, '$1 ') ?? ''
  return { code: 'CONFIG_INVALID', message, hint: `${nearest}See --help.` }
}

/** File system errors for which no command has its own message. */
function placeText(path: string, code: string): ErrorText {
  if (code === 'EMFILE' || code === 'ENFILE')
    return {
      code: 'CONFIG_INVALID',
      message: `no more files can be opened (${code})`,
      hint: 'Raise the limit: ulimit -n 1024, or LimitNOFILE= in a systemd unit.',
    }
  const what = Object.hasOwn(placeWords, code) ? `${placeWords[code]} (${code})` : `cannot be used (${code})`
  return {
    code: 'CONFIG_INVALID',
    message: `${path} ${what}`,
    hint: 'Look at what is there, and name another path.',
  }
}

const placeWords: Readonly<Record<string, string>> = {
  ENAMETOOLONG: 'is longer than a path may be',
  ENOTDIR: 'has a file where a directory belongs',
  EISDIR: 'is a directory',
  ELOOP: 'has links that lead in a circle',
  EACCES: 'may not be used by this user',
  ENOSPC: 'cannot be written: the disk is full',
  EROFS: 'cannot be written: it is read-only',
}
