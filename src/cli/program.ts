import { Command, CommanderError } from 'commander'
import { packageVersion, settingTable } from '../config/index.js'
import { MtlsError, type MtlsErrorCode } from '../errors.js'
import { isPemText } from '../text/secrets.js'
import type { Io } from './io/io.js'
import { type Failure, writeFailure } from './io/output.js'
import { bindOptionals } from './options/settings.js'

/** What each `commands/NAME/command.ts` exports. Its action throws `MtlsError`, or calls `command.error()` for bad usage. */
interface CommandModule {
  build(io: Io): Command
}

const summaries: Readonly<Record<string, string>> = {
  demo: 'the whole story in one go, nothing to set up',
  'cert-gen': 'make a CA, server and client certificates',
  'cert-check': 'say what is wrong with certificates, files or a live server',
  'cert-list': 'list what a CA has issued',
  'cert-renew': 'issue anew what is due',
  'cert-revoke': 'revoke a certificate',
  'cert-rotate-ca': 'change to a new CA, with an overlap',
  'test-tls': 'say whether a server can be called over mutual TLS, and if not, why',
  'perf-test': 'measure what mTLS costs beside plain HTTP',
  monitor: 'watch servers and certificates, with a status page',
  serve: 'run the weather, datetime and echo servers',
  ask: 'ask the servers a question in plain language',
}

/** Exit code of bad usage; `ask` has codes of its own. */
const usageExit = (name: string | undefined) => (name === 'ask' ? 1 : 64)
/** Wrong settings are bad usage, wherever they were written. */
const usageCodes: readonly MtlsErrorCode[] = ['CONFIG_INVALID', 'PORT_CONFLICT']

/** Runs one command line; what went wrong is printed, and in `io.exitCode`. */
export async function run(argv: readonly string[], io: Io): Promise<void> {
  if (argv[0] === 'help') argv = [...argv.slice(1), '--help']
  const name = argv.find((argument) => !argument.startsWith('-'))
  try {
    refuseKeys(argv)
    const program = buildProgram(io)
    if (name !== undefined && Object.hasOwn(summaries, name)) {
      // Only the command in use is loaded: some of them load libraries that take 100 ms and more.
      const { build } = (await import(`./commands/${name}/command.js`)) as CommandModule
      const command = build(io)
      adopt(command, program)
      program.addCommand(command)
      argv = bindOptionals(argv, command)
    }
    for (const [other, summary] of Object.entries(summaries))
      if (other !== name) program.command(other).description(summary)
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return
    fail(error, io, { usageExit: usageExit(name), json: argv.includes('--json') })
  }
}

/** A key that stands where its path belongs is told before anything is done with it; other users see it in the process list. */
function refuseKeys(argv: readonly string[]): void {
  const at = argv.findIndex((argument) => isPemText(argument))
  if (at < 0) return
  const hint =
    'Write it into a file and name that. Whoever may list processes has read it: make a new one if it is a key.'
  throw new MtlsError(
    'CONFIG_INVALID',
    `argument ${at + 1} is the text of a PEM file, and the path of a file is wanted`,
    {
      hint,
    },
  )
}

/** Prints what went wrong and sets the exit code, unless the command has set its own. */
export function fail(error: unknown, io: Io, { usageExit = 1, json = false } = {}): void {
  const { failure, usage } = failureOf(error, io)
  if (io.exitCode === 0) io.exitCode = usage ? usageExit : 1
  writeFailure(io, failure, json)
}

function buildProgram(io: Io): Command {
  return new Command('mcp-mtls')
    .description('Mutual TLS for MCP servers, clients and agents')
    .version(packageVersion)
    .helpCommand(false)
    .showSuggestionAfterError()
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      // Help after a mistake; the mistake itself is written where all failures are.
      writeErr: (text) => void io.stderr.write(text),
      outputError: () => undefined,
    })
    .addHelpText('after', '\nExample:\n  $ mcp-mtls demo')
}

/** `addCommand` does not hand on how to exit and where to write. */
function adopt(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent)
  for (const child of command.commands) adopt(child, command)
}

function failureOf(error: unknown, io: Io): { failure: Failure; usage: boolean } {
  if (error instanceof CommanderError) return { failure: usageFailure(error), usage: true }
  if (error instanceof MtlsError) return { failure: error.toJSON(), usage: usageCodes.includes(error.code) }
  const { code, path, syscall } = error as NodeJS.ErrnoException
  if (syscall !== undefined && path !== undefined && code !== undefined)
    return { failure: placeFailure(path, code), usage: false }
  const debug = /^(debug|trace)$/.test(io.env[settingTable.logLevel.variable] ?? '')
  const message =
    error instanceof Error ? ((debug ? error.stack : undefined) ?? error.message) : String(error)
  return { failure: { code: 'INTERNAL', message, hint: internalHint }, usage: false }
}

/** What the file system says of a path that no command has words for. */
function placeFailure(path: string, code: string): Failure {
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

const internalHint = `This is a mistake in mcp-mtls; ${settingTable.logLevel.variable}=debug shows where it happened.`

/** commander writes `error: what\n(Did you mean that?)`. */
function usageFailure(error: CommanderError): Failure {
  if (error.code === 'commander.help') return { code: 'CONFIG_INVALID', message: 'no command given' }
  // What stands behind an option that is misspelt may be a secret.
  const told = error.message.replace(/^error: /, '').replace(/('(?:--?[^'=\s]*=|-[^'-]))[^'\n]+'/, "$1…'")
  const [message = '', suggestion] = told.split('\n')
  const nearest = suggestion?.replace(/^\((.*)\)$/, '$1 ') ?? ''
  return { code: 'CONFIG_INVALID', message, hint: `${nearest}See --help.` }
}
