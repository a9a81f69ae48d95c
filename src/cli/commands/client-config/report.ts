import type { Changed, ClientName, DesktopClient, Launch, OwnServer, Scope } from '../../../desktop/index.js'
import type { TriedOut } from '../../../desktop/try-out.js'
import type { ErrorText } from '../../io/error-text.js'
import type { Io } from '../../io/io.js'
import { printable, shownPath } from '../../io/output.js'
import { marks, type Paint } from '../../terminal/paint.js'
import { table } from '../../terminal/table.js'

/** One client of the list. */
export interface ListedClient {
  readonly name: ClientName
  readonly client: DesktopClient
  readonly isHere: boolean
  readonly path: string
  readonly servers: readonly OwnServer[]
  readonly problem?: ErrorText
}

export function listedJson({ name, client, isHere, path, servers, problem }: ListedClient) {
  return {
    client: name,
    title: client.title,
    here: isHere,
    file: path,
    servers: servers.map((server) => ({
      name: server.name,
      urls: server.urls,
      ...commandJson(server.launch),
    })),
    ...(problem && { error: problem }),
  }
}

function commandJson({ command, args }: Launch) {
  return { command, args }
}

export function listedLines(all: readonly ListedClient[], io: Io): string[] {
  const head = ['CLIENT', 'HERE', 'SERVERS OF OURS', 'FILE']
  const rows = all.map(({ name, isHere, path, servers, problem }) => [
    name,
    isHere ? 'yes' : 'no',
    problem ? 'see below' : servers.map(serverText).join(', ') || '–',
    shownPath(path, io),
  ])
  const problems = all.flatMap(({ name, problem }) => (problem ? [`${name}: ${problem.message}`] : []))
  return [...table([head, ...rows]), ...(problems.length > 0 ? ['', ...problems] : [])].map(printable)
}

const serverText = ({ name, urls }: OwnServer) => (urls.length > 0 ? `${name} (${urls.join(' ')})` : name)

/** What was done for one client. */
export interface Done {
  readonly name: ClientName
  readonly client: DesktopClient
  readonly scope: Scope
  readonly path: string
  /** What the server is called; absent when there is none. */
  readonly server?: string
  readonly did?: 'install' | 'uninstall'
  readonly change?: Changed
  readonly tried?: TriedOut
  readonly problem?: ErrorText
}

export function doneJson({ name, scope, path, server, did, change, tried, problem }: Done) {
  return {
    client: name,
    scope,
    file: change?.path ?? path,
    name: server ?? null,
    ...(did && { action: did, changed: change?.changed ?? false }),
    ...(change?.backup !== undefined && { backup: change.backup }),
    ...(tried && { test: { server: tried.server, version: tried.version, tools: tried.tools } }),
    ...(problem && { error: problem }),
  }
}

export function doneLines(
  { client, path, server, did, change, tried }: Done,
  io: Io,
  paint: Paint,
): string[] {
  const file = shownPath(change?.path ?? path, io)
  const mark = paint(...marks.ok)
  const lines = []
  if (did === 'install')
    lines.push(
      change?.changed
        ? `${mark} ${client.title}: "${server}" is in ${file}`
        : `${mark} ${client.title}: "${server}" was in ${file} already, nothing was changed`,
    )
  if (did === 'uninstall')
    lines.push(
      change?.changed
        ? `${mark} ${client.title}: "${server}" is out of ${file}`
        : `${mark} ${client.title}: ${server === undefined ? 'no server of ours' : `"${server}"`} is in ${file}, nothing was changed`,
    )
  if (change?.backup !== undefined)
    lines.push(paint('dim', `  previous version: ${shownPath(change.backup, io)}`))
  if (tried) {
    const tools = `${tried.tools.length} ${tried.tools.length === 1 ? 'tool' : 'tools'}`
    const names = tried.tools.length > 0 ? `: ${tried.tools.join(', ')}` : ''
    lines.push(`${mark} ${tried.server} ${tried.version} answers through "${server}", ${tools}${names}`)
  }
  if (did === 'install' && change?.changed) lines.push(`Next: ${client.reload}`)
  return lines.map(printable)
}
