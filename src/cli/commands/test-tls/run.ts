import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import {
  proxyVariables,
  type ServerName,
  type Settings,
  serverIdsIn,
  serverNames,
  serverUrlProblem,
  withMcpPath,
} from '../../../config/index.js'
import { MtlsError } from '../../../errors.js'
import { readTrust } from '../../../pki/check/trust.js'
import { type Authority, openAuthority } from '../../../pki/index.js'
import { audit } from '../../../probe/audit/audit.js'
import { diagnose } from '../../../probe/diagnose/diagnose.js'
import { Steps } from '../../../probe/diagnose/steps.js'
import type { Io } from '../../io/io.js'
import { writeJson, writeLines } from '../../io/output.js'
import { untilSignal } from '../../io/signals.js'
import { painter } from '../../terminal/paint.js'
import { stepLines, stepsJson, summaryLines } from './report.js'

export interface TestFlags {
  readonly server?: ServerName
  readonly serverName?: string
  readonly serverId?: readonly string[]
  readonly caDir?: string
  readonly audit?: boolean
  readonly json?: boolean
}

export async function run(
  named: string | undefined,
  flags: TestFlags,
  settings: Settings,
  io: Io,
): Promise<void> {
  const url = urlOf(named, flags.server, settings)
  const { tls, timeoutMs, limits } = settings
  const trust = await readTrust({
    caCert: tls.caCert,
    crl: tls.crl,
    trustDomains: tls.trustDomains,
    directories: [tls.certDir],
  })
  const proxies = proxyVariables(io.env)
  if (proxies.length > 0)
    writeLines(io.stderr, [
      `note: ${proxies.join(' and ')} ${proxies.length > 1 ? 'are' : 'is'} set and not used: mcp-mtls connects to servers directly`,
    ])
  const paint = painter(io)
  if (!flags.json) writeLines(io.stdout, [paint('bold', url.href)])
  await untilSignal(io, async (signal) => {
    const steps = new Steps(
      (step) => flags.json || writeLines(io.stdout, stepLines(step, flags, paint)),
      signal,
    )
    const baseline = await diagnose(
      {
        url,
        tls,
        trust,
        serverName: flags.serverName,
        serverIds: serverIdsIn(flags.serverId),
        timeoutMs,
        handshakeTimeoutMs: limits.handshakeTimeout,
        signal,
      },
      steps,
    )
    if (flags.audit) await audit(baseline, { authority: await authorityOf(flags, settings, io) }, steps)
    if (flags.json) writeJson(io, stepsJson(url, steps))
    else writeLines(io.stdout, summaryLines(steps, paint))
    io.exitCode = steps.ok ? 0 : 1
  })
}

/** Throws `CONFIG_INVALID`. */
function urlOf(named: string | undefined, server: ServerName | undefined, settings: Settings): URL {
  if ((named === undefined) === (server === undefined))
    throw new MtlsError('CONFIG_INVALID', 'name a server: either its URL, or --server', {
      hint: `Type \`mcp-mtls test-tls --server ${serverNames[0]}\`, or a URL such as https://localhost:8443/mcp.`,
    })
  const text = withMcpPath(named ?? (server ? settings.servers[server].url : ''))
  const { demoMode, demoAllowRemote = false } = settings.tls
  const problem = serverUrlProblem(text, { tls: true, demoMode, demoAllowRemote })
  if (problem) throw new MtlsError('CONFIG_INVALID', problem)
  return new URL(text)
}

/** The CA of the server, where its key can be read. */
async function authorityOf(
  { caDir }: TestFlags,
  { tls }: Settings,
  { cwd }: Io,
): Promise<Authority | undefined> {
  const directory = resolve(cwd, caDir ?? tls.certDir)
  const source = async (name: string) => {
    const path = join(directory, name)
    return { path, text: await readFile(path, 'utf8') }
  }
  try {
    return openAuthority(await source('ca.crt'), await source('ca.key'), tls.keyPassphrase)
  } catch (error) {
    if (caDir === undefined) return undefined
    throw error instanceof MtlsError
      ? error
      : new MtlsError('CERT_NOT_FOUND', `the CA in ${directory} cannot be read`, { cause: error })
  }
}
