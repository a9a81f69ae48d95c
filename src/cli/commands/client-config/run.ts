import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Settings } from '../../../config/index.js'
import { type UserPlaces, userPlaces } from '../../../config/user-places.js'
import {
  type ClientName,
  clientNames,
  defaultName,
  desktopClient,
  fileOf,
  install,
  isHere,
  type Launch,
  ownServers,
  type Place,
  printed,
  requireName,
  uninstall,
} from '../../../desktop/index.js'
import { MtlsError } from '../../../errors.js'
import { exitCodeOfError } from '../../exit-codes.js'
import { errorText, writeError } from '../../io/error-text.js'
import type { Io } from '../../io/io.js'
import { printable, shownPath, writeJson, writeLines } from '../../io/output.js'
import { untilSignal } from '../../io/signals.js'
import { resolveSettings } from '../../options/settings.js'
import { painter } from '../../terminal/paint.js'
import { bridgeLaunch, bundleOptions, launchNotices, missingNotices, serverUrls } from './bridge-launch.js'
import type { ClientConfigFlags } from './flags.js'
import { type Done, doneJson, doneLines, type ListedClient, listedJson, listedLines } from './report.js'

/** A run of the command. */
interface Job {
  readonly flags: ClientConfigFlags
  readonly settings: Settings
  readonly urls: readonly URL[]
  readonly places: UserPlaces
  /** What is to be started; undefined where servers that are installed are meant. */
  readonly launch: Launch | undefined
  readonly command: Command
  readonly io: Io
}

export async function run(
  typed: readonly string[],
  flags: ClientConfigFlags,
  command: Command,
  io: Io,
): Promise<void> {
  const settings = await resolveSettings(command, io)
  const names = clientsOf(flags)
  const places = userPlaces(io.env)
  if (flags.list) return await list(names, { flags, places, io })
  const urls = serverUrls(typed, settings)
  const isNamed = urls.length > 0 || flags.config !== undefined
  const needsServers = flags.install || flags.mcpb !== undefined || !(flags.uninstall || flags.test)
  const launch = isNamed || needsServers ? bridgeLaunch(urls, flags, settings, command, io) : undefined
  const job: Job = { flags, settings, urls, places, launch, command, io }
  if (launch && !flags.uninstall) writeNotices(launch, job)
  if (flags.mcpb !== undefined) return await bundle(flags.mcpb, job)
  if (flags.install || flags.uninstall || flags.test) return await change(requireClients(names, job), job)
  print(names, job)
}

/** Throws `CONFIG_INVALID`. */
function clientsOf({ client = [] }: ClientConfigFlags): ClientName[] {
  const unknown = client.filter((name) => !(clientNames as string[]).includes(name))
  if (unknown.length > 0)
    throw new MtlsError(
      'CONFIG_INVALID',
      `--client: unknown client ${unknown.map((name) => JSON.stringify(name)).join(', ')}`,
      {
        hint: `Known are ${clientNames.join(', ')}.`,
      },
    )
  return [...new Set(client as ClientName[])]
}

function requireClients(names: readonly ClientName[], { places }: Job): readonly ClientName[] {
  if (names.length > 0) return names
  const here = clientNames.filter((name) => isHere(desktopClient(name), places))
  throw new MtlsError('CONFIG_INVALID', 'no client given', {
    hint:
      here.length > 0
        ? `Add --client NAME. Here are: ${here.join(', ')}.`
        : `Add --client NAME: ${clientNames.join(', ')}.`,
  })
}

function writeNotices(launch: Launch, { flags, settings, io }: Job): void {
  const config = flags.config === undefined ? [] : [resolve(io.cwd, flags.config)]
  const notes = [
    ...(flags.mcpb === undefined ? [...launchNotices(launch), ...missingNotices(settings, config)] : []),
    ...(settings.tls.keyPassphrase !== undefined &&
    Object.keys(launch.env).length === 0 &&
    flags.mcpb === undefined
      ? ['the passphrase of the key is not written into the entry: name its file with --key-passphrase-file']
      : []),
    ...(flags.header?.some((header) => /^(authorization|cookie|.*(key|token|secret))\s*:/i.test(header))
      ? ['the values of --header are written into the entry, where whoever may read that file reads them']
      : []),
  ]
  writeLines(
    io.stderr,
    notes.map((note) => `note: ${printable(note)}`),
  )
}

/** The entry, to be pasted. */
function print(names: readonly ClientName[], { flags, urls, places, launch, io }: Job): void {
  if (launch === undefined) return
  const name = flags.name ?? defaultName(urls)
  const shown = names.length > 0 ? names : [undefined]
  const entries = shown.map((client) => {
    // Most clients have the form of Claude Desktop.
    const row = desktopClient(client ?? 'claude-desktop')
    requireName(row, name)
    const file = client && fileOf(row, flags.scope, places, io.cwd)
    const entry = row.shape(launch, name)
    return {
      client: client ?? null,
      name,
      format: row.format,
      ...(file && { file }),
      entry,
      text: printed(row, name, entry),
    }
  })
  // As it is: it is data of the user's, and to be pasted.
  if (flags.json) io.stdout.write(`${JSON.stringify({ clients: entries }, null, 2)}\n`)
  for (const { client, file, text } of flags.json ? [] : entries) {
    if (client && file)
      writeLines(io.stderr, [
        `${desktopClient(client).title}: this belongs into ${printable(shownPath(file, io))}; --install puts it there`,
      ])
    io.stdout.write(text)
  }
}

async function list(
  names: readonly ClientName[],
  { flags, places, io }: Pick<Job, 'flags' | 'places' | 'io'>,
): Promise<void> {
  const all: ListedClient[] = []
  for (const name of names.length > 0 ? names : clientNames) {
    const client = desktopClient(name)
    const path = fileOf(client, flags.scope, places, io.cwd)
    if (path === undefined) continue
    const found = { name, client, isHere: isHere(client, places), path }
    try {
      all.push({ ...found, servers: await ownServers({ client, path }) })
    } catch (error) {
      all.push({ ...found, servers: [], problem: errorText(error, io) })
    }
  }
  if (flags.json) writeJson(io, { clients: all.map(listedJson) })
  else writeLines(io.stdout, listedLines(all, io))
}

/** Installs, takes out, tries: one client after the other. Of several, one that fails does not stop the others. */
async function change(names: readonly ClientName[], job: Job): Promise<void> {
  const { flags, io } = job
  const paint = painter(io)
  const all: Done[] = []
  await untilSignal(io, async (signal) => {
    for (const name of names) {
      try {
        const done = await changeOne(name, job, signal)
        all.push(done)
        if (!flags.json) writeLines(io.stdout, doneLines(done, io, paint))
      } catch (error) {
        if (names.length === 1 || signal.aborted || !(error instanceof MtlsError)) throw error
        const client = desktopClient(name)
        const path = fileOf(client, flags.scope, job.places, io.cwd) ?? ''
        const problem = errorText(error, io)
        all.push({ name, client, scope: flags.scope, path, problem })
        io.exitCode = Math.max(io.exitCode, exitCodeOfError(error, 'client-config'))
        writeError(io, { ...problem, message: `${client.title}: ${problem.message}` }, false)
      }
    }
  })
  if (flags.json) writeJson(io, { clients: all.map(doneJson) })
}

async function changeOne(name: ClientName, job: Job, signal: AbortSignal): Promise<Done> {
  const { flags, settings, launch, places, io } = job
  const client = desktopClient(name)
  const path = fileOf(client, flags.scope, places, io.cwd)
  if (path === undefined)
    throw new MtlsError('CONFIG_INVALID', `--scope project: ${client.title} has no file for a project`, {
      hint: "Leave --scope out: the user's file is meant then.",
    })
  const place: Place = { client, scope: flags.scope, path }
  const server = await serverName(place, job)
  let done: Done = { name, client, scope: flags.scope, path, ...(server !== undefined && { server }) }
  if (server === undefined && flags.uninstall) return { ...done, did: 'uninstall' }
  if (server === undefined) throw notInstalled(place, undefined)
  if (flags.install && launch) {
    requireName(client, server)
    if (flags.scope === 'user' && !isHere(client, places))
      writeLines(io.stderr, [`note: nothing of ${client.title} is here yet; its file is made all the same`])
    const change = await install(place, { name: server, launch, isChosen: flags.name !== undefined })
    done = { ...done, did: 'install', change }
  }
  if (flags.uninstall) done = { ...done, did: 'uninstall', change: await uninstall(place, server) }
  if (flags.test) {
    const installed = (await ownServers(place)).find((one) => one.name === server)
    if (installed === undefined) throw notInstalled(place, server)
    const { tryOut } = await import('../../../desktop/try-out.js')
    done = { ...done, tried: await tryOut(installed.launch, { timeoutMs: settings.timeoutMs, signal }) }
  }
  return done
}

/** The one that was typed, that of the URLs, or the only one of ours that is there; undefined when there is none. */
async function serverName(place: Place, { flags, urls, launch }: Job): Promise<string | undefined> {
  if (flags.name !== undefined) return flags.name
  if (launch !== undefined) return defaultName(urls)
  const own = await ownServers(place)
  if (own.length > 1)
    throw new MtlsError(
      'CONFIG_INVALID',
      `${place.path} has several servers of ours: ${own.map(({ name }) => name).join(', ')}`,
      {
        hint: 'Say which: --name NAME.',
      },
    )
  return own[0]?.name
}

function notInstalled({ client, path }: Place, name: string | undefined): MtlsError {
  const what = name === undefined ? 'no server of ours is' : `"${name}" is not`
  return new MtlsError('CLIENT_CONFIG_FAILED', `${client.title}: ${what} in ${path}`, {
    hint: 'Put it there: mcp-mtls client-config URL --client NAME --install',
  })
}

async function bundle(file: string, { flags, urls, settings, command, io }: Job): Promise<void> {
  const name = flags.name ?? defaultName(urls)
  requireName(desktopClient('claude-desktop'), name)
  const options = bundleOptions(flags, settings, command, io)
  const { writeBundle } = await import('../../../desktop/mcpb.js')
  const made = await writeBundle(resolve(io.cwd, file), { name, urls, ...options })
  if (flags.json) return writeJson(io, made)
  writeLines(io.stdout, [
    `${printable(shownPath(made.file, io))}  ${made.bytes} bytes  sha256:${made.sha256}`,
    'Next: open it in Claude Desktop, and pick the certificate, its key and the CA there.',
  ])
}
