import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { MtlsError } from '../errors.js'
import { readSmallFile, Unreadable } from '../files/read-file.js'
import { type Exposure, serverUrlProblem, withMcpPath } from './endpoint.js'
import { deepFreeze, parse, rejectProblems, report } from './problems.js'
import { serverId } from './server-id.js'
import type { TlsOptions } from './tls-options.js'
import { path as pathText, text } from './values.js'

/** One server of the file; `tls` has only what the file gives, its paths absolute. */
export interface McpServerEntry {
  readonly url: string
  readonly serverName?: string
  /** As they are compared. */
  readonly serverId?: readonly string[]
  readonly tls: Pick<TlsOptions, 'caCert' | 'clientCert' | 'clientKey' | 'keyPassphrase'>
}

export interface McpServersFile {
  readonly servers: Readonly<Record<string, McpServerEntry>>
  /** Parts of the file that this package does not use. */
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

// Desktop clients add keys of their own to an entry.
const entrySchema = z.looseObject({
  url: text,
  type: z
    .enum(['http', 'streamable-http', 'streamableHttp'], { error: 'allowed are http and streamable-http' })
    .optional(),
  tls: tlsSchema.optional(),
})

function entrySchemaFor(rules: Exposure) {
  const url = text.transform(withMcpPath).superRefine((value, context) => {
    const problem = value === '' ? undefined : serverUrlProblem(value, rules)
    if (problem !== undefined) report(context, [], problem)
  })
  return entrySchema.extend({ url })
}

const fileSchema = z.looseObject({
  mcpServers: z.record(z.string(), z.looseObject({}), { error: 'an object of servers is wanted' }),
})

/**
 * Reads a `mcpServers` JSON file, the format desktop clients use, whose entries may have a `tls` object. Entries that
 * start a program (`command`) or are disabled are skipped with a notice. Throws one `CONFIG_INVALID` with every problem.
 */
export function readMcpServers(path: string, rules: Exposure): McpServersFile {
  const { mcpServers } = parse(fileSchema, path, readJson(path))
  const skipped = new Map<string, string>()
  for (const [name, { command, url, disabled }] of Object.entries(mcpServers)) {
    if (disabled === true) skipped.set(name, 'it is disabled')
    else if (command !== undefined && url === undefined)
      skipped.set(name, 'it is started as a program, and has no URL')
  }
  const used = Object.entries(mcpServers).filter(([name]) => !skipped.has(name))
  if (used.length === 0)
    rejectProblems(path, [{ setting: 'mcpServers', text: 'has no server that can be called' }])
  const entries = parse(z.record(z.string(), entrySchemaFor(rules)), path, Object.fromEntries(used))
  return deepFreeze({
    servers: Object.fromEntries(
      Object.entries(entries).map(([name, entry]) => [name, entryOf(entry, dirname(path))]),
    ),
    notices: [
      ...[...skipped].map(([name, why]) => `${path}: the server "${name}" is left out: ${why}`),
      ...Object.entries(entries).flatMap(([name, entry]) => unusedKeys(path, name, entry)),
    ],
  })
}

type Entry = z.output<typeof entrySchema>

function readJson(path: string): unknown {
  try {
    return JSON.parse(readSmallFile(path).toString('utf8'))
  } catch (error) {
    // The message of a SyntaxError quotes the file, which may contain a passphrase.
    const { code, message } = error as NodeJS.ErrnoException
    const text =
      error instanceof SyntaxError
        ? 'is not valid JSON'
        : error instanceof Unreadable
          ? message
          : `cannot be read (${code})`
    throw new MtlsError('CONFIG_INVALID', `${path} ${text}`, {
      hint: 'The file reads { "mcpServers": { "weather": { "url": "https://…/mcp" } } }',
    })
  }
}

function entryOf(
  { url, tls: { ca, cert, key, passphrase, serverName, serverId } = {} }: Entry,
  folder: string,
): McpServerEntry {
  const path = (value: string): string => resolve(folder, value)
  return {
    url,
    ...(serverName !== undefined && { serverName }),
    ...(serverId !== undefined && { serverId }),
    tls: {
      ...(ca !== undefined && { caCert: path(ca) }),
      ...(cert !== undefined && { clientCert: path(cert) }),
      ...(key !== undefined && { clientKey: path(key) }),
      ...(passphrase !== undefined && { keyPassphrase: passphrase }),
    },
  }
}

function unusedKeys(path: string, name: string, entry: Entry): string[] {
  const unused = Object.keys(entry).filter(
    (key) => !Object.hasOwn(entrySchema.shape, key) && key !== 'disabled',
  )
  return unused.length === 0 ? [] : [`${path}: of the server "${name}" is not used: ${unused.join(', ')}`]
}
