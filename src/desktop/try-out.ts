import { homedir } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from '@modelcontextprotocol/client'
import { getDefaultEnvironment, StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { packageVersion } from '../config/package-version.js'
import { MtlsError } from '../errors.js'
import type { Launch } from './launch.js'

/** What a started server says of itself. */
export interface TriedOut {
  readonly server: string
  readonly version: string
  readonly tools: readonly string[]
}

export interface TryOptions {
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/** Of what a program writes to stderr, the end. */
const longestTail = 4000
/** Milliseconds, after it was killed. */
const longestEnd = 2000

/**
 * Starts a server as a desktop client does, with none of this process's variables but the usual ones, and lists its tools. Throws
 * `CLIENT_CONFIG_FAILED`; the program has ended by then.
 */
export async function tryOut(launch: Launch, { timeoutMs, signal }: TryOptions): Promise<TriedOut> {
  const { command, args, env } = launch
  const started = performance.now()
  const transport = new StdioClientTransport({
    command,
    args: [...args],
    env: { ...getDefaultEnvironment(), ...env },
    cwd: homedir(),
    stderr: 'pipe',
  })
  let told = ''
  transport.stderr?.on('data', (chunk) => (told = `${told}${chunk}`.slice(-longestTail)))
  const ended = endOf(transport)
  const client = new Client({ name: 'mcp-mtls client-config', version: packageVersion })
  const limit = AbortSignal.timeout(timeoutMs)
  const options = { signal: signal ? AbortSignal.any([signal, limit]) : limit, timeout: timeoutMs + 1000 }
  try {
    await client.connect(transport, options)
    const tools = await toolsOf(client, options)
    const { name = '', version = '' } = client.getServerVersion() ?? {}
    return { server: name, version, tools }
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw failure(launch, cause, { told, isLate: limit.aborted, took: performance.now() - started })
  } finally {
    await client.close()
    await ended()
  }
}

/** Waits for the end of what was started, which is on its way. The SDK does not where an abort has closed the connection. */
function endOf(transport: StdioClientTransport): () => Promise<void> {
  let hasBegun = false
  const closed = new Promise<void>((resolve) => {
    transport.onclose = resolve
  })
  const start = transport.start.bind(transport)
  transport.start = async () => {
    await start()
    hasBegun = true
  }
  return async () => {
    // Somebody else may hold its pipes.
    if (hasBegun) await Promise.race([closed, sleep(longestEnd)])
  }
}

/** More pages than anybody has. */
const mostPages = 100

async function toolsOf(client: Client, options: { signal: AbortSignal; timeout: number }): Promise<string[]> {
  if (client.getServerCapabilities()?.tools === undefined) return []
  const names: string[] = []
  let cursor: string | undefined
  for (let page = 0; page === 0 || (cursor !== undefined && page < mostPages); page++) {
    const { tools, nextCursor } = await client.listTools(cursor === undefined ? {} : { cursor }, options)
    names.push(...tools.map(({ name }) => name))
    cursor = nextCursor
  }
  return names
}

interface Circumstances {
  readonly told: string
  readonly isLate: boolean
  readonly took: number
}

function failure(
  { command, args }: Launch,
  cause: unknown,
  { told, isLate, took }: Circumstances,
): MtlsError {
  const lines = told
    .trim()
    .split(/\r?\n/)
    .filter((line) => line.trim() !== '')
  const { code, message } = cause as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'EACCES')
    return new MtlsError('CLIENT_CONFIG_FAILED', `${command} could not be started (${code})`, {
      hint: 'Install it again with `mcp-mtls client-config … --install`: node or mcp-mtls has moved.',
      cause,
    })
  const reason = isLate ? `no answer within ${Math.round(took / 1000)} s` : String(message ?? cause)
  // Its last words say more than ours: an error and its hint.
  const words = lines
    .slice(-3)
    .map((line) => `\n  ${line}`)
    .join('')
  return new MtlsError(
    'CLIENT_CONFIG_FAILED',
    `the server was started and did not list its tools: ${reason}${words}`,
    {
      hint: `Run it by hand: ${[command, ...args.slice(0, 1)].join(' ')} … and try the connection with \`mcp-mtls test-tls URL\`.`,
      cause,
    },
  )
}
