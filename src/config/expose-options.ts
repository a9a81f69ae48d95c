import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { z } from 'zod'
import { childEnvironment, isCallerVariable } from './child-environment.js'
import { findCommand, type Surroundings } from './command.js'
import { upstreamProblem, withMcpPath } from './endpoint.js'
import { nameOfCommand } from './exposed-name.js'
import { liveServerProblems } from './live-options.js'
import type { ShapeOf } from './option-shape.js'
import { deepFreeze, type Problem, parse, problemsIn, rejectProblems, report } from './problems.js'
import { isOptions } from './right-call.js'
import {
  type McpServerConfig,
  type McpServerOptions,
  parseServerConfig,
  serverSchema,
} from './server-config.js'
import type { SessionOptions } from './sessions.js'
import { instanceChoices } from './settings/choices.js'
import { defaultOf } from './settings/setting-values.js'
import { choice, count, duration, text } from './values.js'

/** A program that speaks MCP on its standard input and output. Times are milliseconds, or text: `30s`, `5m`. */
export interface ExposedCommand {
  /** The program: its path, or a name that is looked for on the PATH. No shell reads it. */
  readonly command: string
  /** Its arguments; default none. */
  readonly args?: readonly string[] | undefined
  /** Its working directory; default that of this process. */
  readonly cwd?: string | undefined
  /** Variables for it, beside those of this process; secrets of ours are not passed on. Default none. */
  readonly env?: Readonly<Record<string, string>> | undefined
  /**
   * Who shares a process: nobody (`session`, default: one for each session; callers without a session share one for each
   * identity), the callers of one `identity`, or all (`shared`).
   */
  readonly instances?: 'session' | 'identity' | 'shared' | undefined
  /** Processes at once; default 100. */
  readonly maxInstances?: number | undefined
  /** Time for a process to answer its first message; default 30000. */
  readonly startTimeout?: number | string | undefined
  /** Bytes of one line that it writes; default 20000000 (20 MB). */
  readonly maxLine?: number | undefined
  readonly upstream?: undefined
}

/** A server that answers MCP over plain HTTP on this machine. */
export interface ExposedUpstream {
  /** Where it answers: `http://127.0.0.1:9000/mcp`; without a path `/mcp` is meant. On loopback only. */
  readonly upstream: string | URL
  readonly command?: undefined
}

/** How a server is exposed. Times are milliseconds, or text with a unit: `500ms`, `30s`, `5m`. */
export interface ExposeServerOptions extends Omit<McpServerOptions, 'name' | 'sessions' | 'perRequest'> {
  /** Its name in logs, metrics and `/health`; default made of the command, `upstream` for another server. */
  readonly name?: string | undefined
  /** Time without a request and without a stream after which a session, and a process, ends; default 300000 (5 minutes). */
  readonly idle?: number | string | undefined
  /** How many sessions there may be. They are always on, and end after `idle`. */
  readonly sessions?: true | Omit<SessionOptions, 'idle'> | undefined
}

/** The program that is started for callers. */
export interface CommandConfig {
  /** The path of the program that was found. */
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  /** Its variables when it is started for this caller, or for several. */
  readonly environment: (caller?: { readonly id: string }) => Readonly<Record<string, string>>
  readonly instances: 'session' | 'identity' | 'shared'
  /** Milliseconds. */
  readonly idle: number
  readonly maxInstances: number
  /** Milliseconds. */
  readonly startTimeout: number
  /** Bytes. */
  readonly maxLine: number
}

/** What is exposed, and how. The files of its certificates are looked at by `server`. */
export interface ExposeConfig {
  readonly name: string
  readonly target: { readonly command: CommandConfig } | { readonly upstream: URL }
  /** Throws what `parseServerConfig` throws. */
  server(): McpServerConfig
}

type CommandOptions = Omit<ExposedCommand, 'upstream'>

const listMessage = "lists are wanted: ['-y', 'package']"
const environmentMessage = "variables are wanted: { NAME: 'value' }"
/** What a system takes as an argument or a variable. */
const word = z
  .string({ error: 'text is wanted' })
  .refine((value) => !value.includes('\0'), 'may not have a null character in it')

const commandSchema = z.strictObject({
  command: word.pipe(text),
  args: z.array(word, { error: listMessage }).default([]),
  cwd: word.pipe(text).optional(),
  env: z
    .record(z.string(), word, { error: environmentMessage })
    .default({})
    .superRefine((variables, context) => {
      for (const name of Object.keys(variables))
        if (isCallerVariable(name)) report(context, [name], 'is told by mcp-mtls alone')
        else if (/^$|[=\0]/.test(name)) report(context, [name], 'is not a name of a variable')
    }),
  instances: choice(instanceChoices).default('session'),
  maxInstances: count.default(100),
  startTimeout: duration.default(30_000),
  maxLine: count.default(20_000_000),
} satisfies ShapeOf<CommandOptions>)

const upstreamSchema = z.strictObject({
  upstream: z.union([text, z.instanceof(URL)], { error: 'a URL is wanted' }).transform((url, context) => {
    const meant = withMcpPath(String(url))
    const problem = upstreamProblem(meant)
    if (problem === undefined) return new URL(meant)
    report(context, [], problem)
    return z.NEVER
  }),
} satisfies ShapeOf<Omit<ExposedUpstream, 'command'>>)

const idleSchema = z.strictObject({ idle: duration.default(defaultOf('sessionIdle')) })

const commandOptions: readonly string[] = Object.keys(commandSchema.shape)

/**
 * Throws `CONFIG_INVALID`, or `PORT_CONFLICT`, with everything that is wrong, and `COMMAND_NOT_FOUND`. Looks at no
 * certificate, and starts nothing.
 */
export function parseExposeOptions(
  input: object,
  here: Surroundings,
  nameOfOption: (option: string) => string = (option) => option,
): ExposeConfig {
  const given = Object.entries(input).filter(([, value]) => value !== undefined)
  const isOfCommand = ([name]: [string, unknown]) => commandOptions.includes(name)
  const program: Record<string, unknown> = Object.fromEntries(given.filter(isOfCommand))
  const { upstream, idle, sessions, log, onSecurityEvent, watch, expiryWarningDays, ...others } =
    Object.fromEntries(given.filter((entry) => !isOfCommand(entry)))
  const server = { name: upstream === undefined ? nameOf(program) : 'upstream', ...others }
  const problems = [
    ...(upstream === undefined
      ? commandProblems(program, here)
      : [...besideUpstream(program), ...problemsIn(upstreamSchema, { upstream })]),
    ...problemsIn(idleSchema, { idle }),
    ...sessionProblems(sessions),
    ...('perRequest' in server ? [{ setting: 'perRequest', text: 'there is no such option here' }] : []),
    ...problemsIn(serverSchema, { ...server, sessions }),
    ...liveServerProblems({ log, onSecurityEvent, watch, expiryWarningDays }),
  ]
  rejectProblems(
    'options of expose',
    problems.map((problem) => ({ ...problem, setting: nameOfOption(problem.setting) })),
  )
  const limits = { ...(isOptions(sessions) ? sessions : {}), ...parse(idleSchema, 'options', { idle }) }
  const target =
    upstream === undefined
      ? { command: commandConfig(program, limits.idle, here) }
      : parse(upstreamSchema, 'options', { upstream })
  return deepFreeze({
    name: String(server.name),
    target,
    server: () => parseServerConfig({ ...server, sessions: atMost(limits, target) }),
  })
}

/** Where each session has a process of its own, there are not more of them than processes. */
function atMost(limits: SessionOptions, target: ExposeConfig['target']): SessionOptions {
  if (!('command' in target) || target.command.instances !== 'session') return limits
  return { ...limits, max: Math.min(limits.max ?? defaultOf('maxSessions'), target.command.maxInstances) }
}

function commandConfig(program: unknown, idle: number, here: Surroundings): CommandConfig {
  const { command, cwd, env, ...options } = parse(commandSchema, 'options', program)
  const inherited = childEnvironment(here.env, {}) // as it is now
  const environment: CommandConfig['environment'] = (caller) => childEnvironment(inherited, env, caller)
  const directory = resolve(here.cwd, cwd ?? '.')
  return {
    ...options,
    command: findCommand(command, { cwd: directory, env: environment() }),
    cwd: directory,
    environment,
    idle,
  }
}

function commandProblems(program: Readonly<Record<string, unknown>>, here: Surroundings): Problem[] {
  const { command, cwd } = program
  if (command === undefined)
    return [{ setting: 'command', text: 'missing: give a command, or the URL of an upstream' }]
  const problems = problemsIn(commandSchema, program)
  const directory = resolve(here.cwd, typeof cwd === 'string' ? cwd : '.')
  if (problems.some(({ setting }) => setting === 'cwd') || isDirectory(directory)) return problems
  return [...problems, { setting: 'cwd', text: `${directory} is not a directory that can be used` }]
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

function besideUpstream(program: object): Problem[] {
  const text = 'is for a command; the server behind `upstream` is not started by us'
  return Object.keys(program).map((setting) => ({ setting, text }))
}

function sessionProblems(sessions: unknown): Problem[] {
  if (sessions === false) return [{ setting: 'sessions', text: 'are always on here: leave it out' }]
  const hasIdle = isOptions(sessions) && 'idle' in sessions
  return hasIdle ? [{ setting: 'sessions.idle', text: 'is `idle` here' }] : []
}

function nameOf({ command, args }: Readonly<Record<string, unknown>>): string {
  return nameOfCommand(String(command ?? ''), Array.isArray(args) ? args.map(String) : [])
}
