import { Command, CommanderError } from 'commander'
import { packageVersion } from '../config/package-version.js'
import { MtlsError } from '../errors.js'
import { isPemText } from '../text/secrets.js'
import { type Exiting, exitCodeOfError, exitCodesHelp, isExiting } from './exit-codes.js'
import { errorText, writeError } from './io/error-text.js'
import type { Io } from './io/io.js'
import { Interrupted } from './io/signals.js'
import { bindOptionals, ownArguments } from './options/settings.js'

/**
 * What each `commands/NAME/command.ts` exports: its arguments and flags. It loads nothing heavy; its action loads
 * `run.ts`, which throws `MtlsError`, or calls `command.error()` for bad usage.
 */
interface CommandModule {
  build(io: Io): Command
}

/** Those with a space in their names are ways to use one. */
type CommandName = Exclude<Exiting, `${string} ${string}`>

/** Each command: how it is loaded, and its line in the list of them. */
const commands: Readonly<
  Record<CommandName, readonly [load: () => Promise<CommandModule>, summary: string]>
> = {
  demo: [() => import('./commands/demo/command.js'), 'the whole story in one go, nothing to set up'],
  'cert-gen': [() => import('./commands/cert-gen/command.js'), 'make a CA, server and client certificates'],
  'cert-check': [
    () => import('./commands/cert-check/command.js'),
    'say what is wrong with certificates, files or a live server',
  ],
  'cert-list': [() => import('./commands/cert-list/command.js'), 'list what a CA has issued'],
  'cert-renew': [() => import('./commands/cert-renew/command.js'), 'issue anew what is due'],
  'cert-revoke': [() => import('./commands/cert-revoke/command.js'), 'revoke a certificate'],
  'cert-rotate-ca': [
    () => import('./commands/cert-rotate-ca/command.js'),
    'change to a new CA, with an overlap',
  ],
  'test-tls': [
    () => import('./commands/test-tls/command.js'),
    'say whether a server can be called over mutual TLS, and if not, why',
  ],
  'perf-test': [() => import('./commands/perf-test/command.js'), 'measure what mTLS costs beside plain HTTP'],
  monitor: [
    () => import('./commands/monitor/command.js'),
    'watch servers and certificates, with a status page',
  ],
  policy: [() => import('./commands/policy/command.js'), 'write, check and try out who may call what'],
  serve: [() => import('./commands/serve/command.js'), 'run the weather, datetime and echo servers'],
  expose: [
    () => import('./commands/expose/command.js'),
    'serve any local MCP server, a program or plain HTTP, over mutual TLS',
  ],
  'client-config': [
    () => import('./commands/client-config/command.js'),
    'connect desktop clients to servers over mutual TLS',
  ],
  bridge: [
    () => import('./commands/bridge/command.js'),
    'be a local MCP server that is a remote one over mutual TLS',
  ],
  audit: [() => import('./commands/audit/command.js'), 'read and verify the record of calls'],
  call: [() => import('./commands/call/command.js'), 'call a tool of any MCP server over mutual TLS'],
  tools: [() => import('./commands/tools/command.js'), 'list the tools of a server'],
  resources: [() => import('./commands/resources/command.js'), 'list the resources of a server, or read one'],
  prompts: [() => import('./commands/prompts/command.js'), 'list the prompts of a server, or get one'],
  ask: [() => import('./commands/ask/command.js'), 'ask the servers a question in plain language'],
}

/** Runs one command line; prints any error and sets `io.exitCode`. */
export async function run(argv: readonly string[], io: Io): Promise<void> {
  if (argv[0] === 'help') argv = [...argv.slice(1), '--help']
  const name = argv.find((argument) => !argument.startsWith('-'))
  const command = isCommand(name) ? name : undefined
  try {
    refuseKeys(argv)
    const program = buildProgram(io)
    if (command !== undefined) {
      const { build } = await commands[command][0]()
      const built = build(io).addHelpText('after', `\n${exitCodesHelp(command)}`)
      for (const way of built.commands) {
        const exiting = `${command} ${way.name()}`
        way.addHelpText('after', `\n${exitCodesHelp(isExiting(exiting) ? exiting : command)}`)
      }
      adopt(built, program)
      program.enablePositionalOptions(command === 'expose') // what follows its first word is not ours
      program.addCommand(built)
      argv = bindOptionals(argv, built)
    }
    for (const [other, [, summary]] of Object.entries(commands))
      if (other !== command) program.command(other).description(summary)
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return
    fail(error, io, {
      command: command && exitingOf(command, argv),
      json: ownArguments(argv).includes('--json'),
    })
  }
}

function isCommand(name: string | undefined): name is CommandName {
  return name !== undefined && Object.hasOwn(commands, name)
}

/** Whose exit codes count: those of a way to use the command, if it has some of its own. */
function exitingOf(command: CommandName, argv: readonly string[]): Exiting {
  if (command === 'monitor' && argv.includes('--once')) return 'monitor --once'
  const way = argv.slice(argv.indexOf(command) + 1).find((argument) => !argument.startsWith('-'))
  const exiting = `${command} ${way}`
  return isExiting(exiting) ? exiting : command
}

/**
 * A key given where its path belongs is reported before anything else happens; other users see it in the process list.
 */
function refuseKeys(argv: readonly string[]): void {
  const at = argv.findIndex((argument) => isPemText(argument))
  if (at < 0) return
  const hint =
    'Write it into a file and name that. Whoever may list processes has read it: make a new one if it is a key.'
  throw new MtlsError(
    'CONFIG_INVALID',
    `argument ${at + 1} is the text of a PEM file, and the path of a file is wanted`,
    { hint },
  )
}

interface FailOptions {
  readonly command?: Exiting | undefined
  readonly json?: boolean
}

/** Prints the error and sets the exit code, unless the command has set a worse one. */
export function fail(error: unknown, io: Io, { command, json = false }: FailOptions = {}): void {
  io.exitCode = Math.max(io.exitCode, exitCodeOfError(error, command))
  if (!(error instanceof Interrupted)) writeError(io, errorText(error, io), json)
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
      // Help after a mistake; the mistake itself is printed like all errors.
      writeErr: (text) => void io.stderr.write(text),
      outputError: () => undefined,
    })
    .addHelpText('after', '\nExample:\n  $ mcp-mtls demo')
}

/** `addCommand` does not pass on how to exit and where to write. */
function adopt(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent)
  for (const child of command.commands) adopt(child, command)
}
