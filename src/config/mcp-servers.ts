import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { MtlsError } from '../errors.js'
import { readSmallText, whyUnreadable } from '../files/read-file.js'
import { isPemText } from '../text/secrets.js'
import { shortened } from '../text/shortened.js'
import { type Exposure, serverUrlProblem, withMcpPath } from './endpoint.js'
import { headers } from './headers.js'
import { type JsoncDocument, JsoncError, type Position, readJsonc } from './jsonc.js'
import { type Expanded, expanded, expandedPath, type Surroundings } from './placeholders.js'
import { deepFreeze, problemsIn, report } from './problems.js'
import { isOptions } from './right-call.js'
import { serverId } from './server-id.js'
import type { TlsOptions } from './tls-options.js'
import { path as pathText, text } from './values.js'

/** One server of the file; `tls` has only what the file gives, its paths absolute. */
export interface McpServerEntry {
  readonly url: string
  readonly serverName?: string
  /** As they are compared. */
  readonly serverId?: readonly string[]
  /** Of every request; absent when there are none. */
  readonly headers?: Readonly<Record<string, string>>
  readonly tls: Pick<TlsOptions, 'caCert' | 'clientCert' | 'clientKey' | 'keyPassphrase'>
}

export interface McpServersFile {
  readonly servers: Readonly<Record<string, McpServerEntry>>
  /** Why an entry cannot be called, by its name: it is a program, it is disabled, or something is wrong with it. */
  readonly leftOut: Readonly<Record<string, string>>
  /** Of what is left out, and of parts of the file that this package does not use. */
  readonly notices: readonly string[]
}

const tlsSchema = z
  .strictObject({
    ca: pathText.optional(),
    cert: pathText.optional(),
    key: pathText.optional(),
    passphrase: z.string({ error: 'text is wanted' }).optional(),
    serverName: text.optional(),
    serverId: serverId.optional(),
  })
  .refine(({ cert, key }) => (cert === undefined) === (key === undefined), {
    message: 'cert and key come together',
  })

const sseHint = 'the older HTTP+SSE transport is not spoken here: use the URL of its Streamable HTTP endpoint'

// Desktop clients add keys of their own to an entry.
const entrySchema = z.looseObject({
  url: text,
  type: z
    .enum(['http', 'streamable-http', 'streamableHttp', 'streamable_http', 'remote'], {
      error: ({ input }) => (input === 'sse' ? sseHint : 'allowed are http and streamable-http'),
    })
    .optional(),
  headers: headers.optional(),
  tls: tlsSchema.optional(),
})

function entrySchemaFor(rules: Exposure) {
  const url = text.transform(withMcpPath).superRefine((value, context) => {
    const problem = value === '' ? undefined : serverUrlProblem(value, rules)
    if (problem !== undefined) report(context, [], problem)
  })
  return entrySchema.extend({ url })
}

/** What clients call the URL; Gemini CLI has `url` for another transport beside it. */
const urlKeys = ['httpUrl', 'serverUrl', 'url'] as const
/** The first is that of most clients, the second that of VS Code. */
const listKeys = ['mcpServers', 'servers'] as const

/**
 * Reads a JSON file of servers as MCP clients keep it: `mcpServers`, or `servers` (VS Code), with comments, trailing commas,
 * `${VAR}`, `${env:VAR}`, `${VAR:-default}` and `~`. Entries may have a `tls` object. One that starts a program
 * (`command`), is disabled, or is wrong is left out with a notice. Throws `CONFIG_INVALID`, with line and column, when the file
 * is no JSON or nothing in it can be called.
 */
export function readMcpServers(
  path: string,
  rules: Exposure,
  { env = {}, home = '~' }: Partial<Pick<Surroundings, 'env' | 'home'>> = {},
): McpServersFile {
  const document = readDocument(path)
  const around = { env, home, folder: dirname(path) }
  const schema = entrySchemaFor(rules)
  const servers = new Map<string, McpServerEntry>()
  const leftOut = new Map<string, string>()
  const wrong: string[] = []
  const notices: string[] = []
  for (const { name, place, value } of entriesOf(path, document)) {
    if (servers.has(name) || leftOut.has(name)) continue
    const skipped = whySkipped(value)
    if (skipped !== undefined) {
      leftOut.set(name, skipped)
      notices.push(`${path}: server "${name}" skipped: ${skipped}`)
      continue
    }
    const { read, problems } = readEntry(value, schema, around)
    if (read) {
      servers.set(name, entryOf(read, around.folder))
      notices.push(...unusedKeys(path, name, value as object))
      continue
    }
    const lines = problems.map(
      ({ setting, text }) =>
        `${shownAt(document.positionOf([...place, ...setting]))}: ${[name, ...setting].join('.')}: ${text}`,
    )
    const why = lines.join('; ')
    leftOut.set(name, why)
    wrong.push(...lines)
    notices.push(`${path}: server "${name}" skipped: ${why}`)
  }
  if (servers.size === 0) rejectFile(path, wrong)
  const twice = document.duplicates.map(
    ({ path: keys, position }) =>
      `${path}: ${shownAt(position)}: ${shortened(keys.join('.'))} stands twice; the last one counts`,
  )
  return deepFreeze({
    servers: Object.fromEntries(servers),
    leftOut: Object.fromEntries(leftOut),
    notices: [...twice, ...notices],
  })
}

function readDocument(path: string): JsoncDocument {
  try {
    return readJsonc(readSmallText(path))
  } catch (error) {
    const what =
      error instanceof JsoncError
        ? `is not valid JSON: ${shownAt(error.position)}: ${error.message}`
        : whyUnreadable(error)
    throw new MtlsError('CONFIG_INVALID', `${path} ${what}`, { hint: fileHint })
  }
}

const fileHint = 'The file reads { "mcpServers": { "weather": { "url": "https://…/mcp" } } }'

interface ListedEntry {
  readonly name: string
  readonly place: readonly string[]
  readonly value: unknown
}

/** Throws `CONFIG_INVALID` when the file has no list of servers. */
function entriesOf(path: string, { value, positionOf }: JsoncDocument): ListedEntry[] {
  const lists = isOptions(value) ? (value as Record<string, unknown>) : {}
  const keys = listKeys.filter((key) => lists[key] !== undefined)
  const [key = 'mcpServers'] = keys
  const wrong = keys.find((each) => !isOptions(lists[each]))
  if (keys.length === 0 || wrong !== undefined)
    throw new MtlsError(
      'CONFIG_INVALID',
      `${path}: ${shownAt(positionOf([wrong ?? key]))}: ${wrong ?? 'mcpServers (or servers)'}: ${wrong ? 'an object of servers is wanted' : 'missing'}`,
      { hint: fileHint },
    )
  return keys.flatMap((list) =>
    Object.entries(lists[list] as object).map(([name, entry]) => ({
      name,
      place: [list, name],
      value: entry,
    })),
  )
}

function whySkipped(value: unknown): string | undefined {
  if (!isOptions(value)) return undefined
  const { command, type, disabled, enabled, ...rest } = value as Record<string, unknown>
  if (disabled === true || enabled === false) return 'it is disabled'
  const hasUrl = urlKeys.some((key) => rest[key] !== undefined)
  const isProgram = command !== undefined || type === 'stdio' || type === 'local'
  return isProgram && !hasUrl ? 'it is a local (stdio) server' : undefined
}

interface EntryProblem {
  /** Path below the entry. */
  readonly setting: readonly string[]
  readonly text: string
}

type Entry = z.output<typeof entrySchema>

function readEntry(
  value: unknown,
  schema: z.ZodType<Entry>,
  around: Surroundings,
): { readonly read?: Entry; readonly problems: readonly EntryProblem[] } {
  if (!isOptions(value))
    return { problems: [{ setting: [], text: 'an object is wanted: { "url": "https://…/mcp" }' }] }
  const { httpUrl, serverUrl, url, ...others } = value as Record<string, unknown>
  const urls = { httpUrl, serverUrl, url }
  const urlKey = urlKeys.find((key) => urls[key] !== undefined) ?? 'url'
  const unset: EntryProblem[] = []
  const fill = (given: unknown, setting: readonly string[], by: (text: string) => Expanded): unknown => {
    if (typeof given !== 'string' || isPemText(given)) return given
    const result = by(given)
    if ('text' in result) return result.text
    unset.push({ setting, text: result.problem })
    return undefined
  }
  const plain = (text: string) => expanded(text, around)
  const file = (text: string) => expandedPath(text, around)
  const members = (given: unknown, key: string, by: (name: string) => (text: string) => Expanded): unknown =>
    isOptions(given)
      ? Object.fromEntries(
          Object.entries(given).map(([name, one]) => [name, fill(one, [key, name], by(name))]),
        )
      : given
  const input = {
    ...others,
    ...(urls[urlKey] !== undefined && { url: fill(urls[urlKey], [urlKey], plain) }),
    ...(others.headers !== undefined && { headers: members(others.headers, 'headers', () => plain) }),
    ...(others.tls !== undefined && {
      tls: members(others.tls, 'tls', (name) => (/^(ca|cert|key)$/.test(name) ? file : plain)),
    }),
  }
  if (unset.length > 0) return { problems: unset }
  const problems = problemsIn(schema, input).map(({ setting, text }) => ({
    setting: setting === 'options' ? [] : (setting === 'url' ? urlKey : setting).split('.'),
    text,
  }))
  return problems.length > 0 ? { problems } : { read: schema.parse(input), problems }
}

function entryOf(
  { url, headers, tls: { ca, cert, key, passphrase, serverName, serverId } = {} }: Entry,
  folder: string,
): McpServerEntry {
  const path = (value: string): string => resolve(folder, value)
  return {
    url,
    ...(serverName !== undefined && { serverName }),
    ...(serverId !== undefined && { serverId }),
    ...(headers !== undefined && Object.keys(headers).length > 0 && { headers }),
    tls: {
      ...(ca !== undefined && { caCert: path(ca) }),
      ...(cert !== undefined && { clientCert: path(cert) }),
      ...(key !== undefined && { clientKey: path(key) }),
      ...(passphrase !== undefined && { keyPassphrase: passphrase }),
    },
  }
}

const usedKeys: readonly string[] = [...Object.keys(entrySchema.shape), ...urlKeys, 'disabled', 'enabled']

function unusedKeys(path: string, name: string, entry: object): string[] {
  const unused = Object.keys(entry).filter((key) => !usedKeys.includes(key))
  return unused.length === 0 ? [] : [`${path}: of server "${name}" is not used: ${unused.join(', ')}`]
}

/** Throws `CONFIG_INVALID`: there is nothing in it to call. */
function rejectFile(path: string, problems: readonly string[]): never {
  const [first] = problems
  const text =
    first === undefined
      ? 'has no server that can be called'
      : problems.length === 1
        ? first
        : `${problems.length} problems\n${problems.map((line) => `  ${line}`).join('\n')}`
  throw new MtlsError('CONFIG_INVALID', `${path}: ${text}`, first === undefined ? { hint: fileHint } : {})
}

function shownAt({ line, column }: Position): string {
  return `line ${line}, column ${column}`
}
