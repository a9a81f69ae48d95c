import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { readDotenv, type Settings, serverIdsIn } from '../../../config/index.js'
import { flagOf, type Setting, settingTable } from '../../../config/settings/setting-table.js'
import { type Launch, passphraseVariable } from '../../../desktop/index.js'
import type { BundleOptions } from '../../../desktop/mcpb.js'
import { MtlsError } from '../../../errors.js'
import type { Io } from '../../io/io.js'
import { headersFor } from '../../options/headers.js'
import { serverUrlOf } from '../../options/one-server.js'
import { bridgeSettings, type ClientConfigFlags } from './flags.js'

/** The script of this package that is run, wherever this module is. */
const beside = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
const script = beside('bundle/mcp-mtls.js')

/** The URLs to call. Throws `CONFIG_INVALID`. */
export function serverUrls(typed: readonly string[], settings: Settings): URL[] {
  return typed.map((text) => new URL(serverUrlOf(text, settings)))
}

/** What starts `bridge` for these servers, in any directory and environment. Throws `CONFIG_INVALID`. */
export function bridgeLaunch(
  urls: readonly URL[],
  flags: ClientConfigFlags,
  settings: Settings,
  command: Command,
  io: Pick<Io, 'cwd' | 'env'>,
): Launch {
  if (urls.length === 0 && flags.config === undefined)
    throw new MtlsError('CONFIG_INVALID', 'no server given', {
      hint: 'Name its URL: mcp-mtls client-config https://HOST:PORT/mcp',
    })
  serverIdsIn(flags.serverId)
  headersFor(urls, flags.header)
  const absolute = (path: string | undefined) => path && resolve(io.cwd, path)
  const { keyPassphraseFile, ...given } = givenSettings(command, settings, io)
  return {
    command: stableNode(process.execPath),
    args: [
      script,
      'bridge',
      ...urls.map(({ href }) => href),
      ...argumentsOf({
        config: absolute(flags.config),
        ...given,
        serverId: flags.serverId,
        header: flags.header,
        logFile: absolute(flags.logFile),
      }),
    ],
    env: keyPassphraseFile === undefined ? {} : { [passphraseVariable]: keyPassphraseFile },
  }
}

/** What a bundle is made of. What names a place of this machine means nothing in it. Throws `CONFIG_INVALID`. */
export function bundleOptions(
  flags: ClientConfigFlags,
  settings: Settings,
  command: Command,
  io: Pick<Io, 'cwd' | 'env'>,
): Pick<BundleOptions, 'args' | 'program' | 'papers'> {
  const typed: Record<string, unknown> = command.opts()
  const places = [
    'certDir',
    'caCert',
    'trustDomains',
    'clientCert',
    'clientKey',
    'keyPassphraseFile',
    'crl',
  ] as const
  const named = [...places, 'config', 'logFile'].filter((name) => typed[name] !== undefined)
  if (named.length > 0)
    throw new MtlsError('CONFIG_INVALID', `--mcpb: a bundle cannot have ${named.map(flagOf).join(', ')}`, {
      hint: 'Leave it out: whoever installs the bundle picks the certificate, its key and the CA on their machine.',
    })
  const given = Object.entries(givenSettings(command, settings, io)).filter(
    ([name]) => !(places as readonly string[]).includes(name),
  )
  return {
    args: argumentsOf({ ...Object.fromEntries(given), serverId: flags.serverId, header: flags.header }),
    program: beside('mcpb/'),
    papers: [beside('../LICENSE'), beside('../NOTICE')],
  }
}

/** `{ serverId: ['a', 'b'] }` → `--server-id a --server-id b`. */
function argumentsOf(flags: Readonly<Record<string, string | readonly string[] | undefined>>): string[] {
  return Object.entries(flags).flatMap(([name, value]) =>
    [value ?? []].flat().flatMap((one) => [flagOf(name), one as string]),
  )
}

/** What is set by flag, environment or `.env`, as a flag says it; paths absolute. The directory stands there in any case that it counts. */
function givenSettings(
  command: Command,
  { tls }: Settings,
  { cwd, env }: Pick<Io, 'cwd' | 'env'>,
): Partial<Record<(typeof bridgeSettings)[number], string>> {
  const flags: Record<string, unknown> = command.opts()
  const dotenv = readDotenv(cwd)
  const all: Partial<Record<(typeof bridgeSettings)[number], string>> = {}
  for (const name of bridgeSettings) {
    const { variable, kind }: Setting = settingTable[name]
    const text = flags[name] ?? (env[variable] || dotenv[variable] || undefined)
    if (text === undefined) continue
    if (name === 'trustDomains') all[name] = domainsText(tls.trustDomains ?? {})
    else all[name] = kind.name === 'path' ? resolve(cwd, String(text)) : String(text)
  }
  const isWhole = all.caCert && all.clientCert && all.clientKey
  return isWhole ? all : { certDir: tls.certDir, ...all }
}

function domainsText(domains: Readonly<Record<string, unknown>>): string {
  return Object.entries(domains)
    .flatMap(([domain, files]) => [files].flat().map((file) => `${domain}=${file}`))
    .join(',')
}

/** Which files that an entry names are not there yet. */
export function missingNotices({ tls }: Settings, others: readonly string[]): string[] {
  const { certDir, demoMode, caCert, clientCert, clientKey } = tls
  const needed = [
    ...(demoMode ? [] : [caCert ?? join(certDir, 'ca.crt')]),
    clientCert ?? join(certDir, 'client.crt'),
    clientKey ?? join(certDir, 'client.key'),
    ...others,
  ]
  const missing = needed.filter((path) => !existsSync(path))
  return missing.length === 0 ? [] : [`not there yet: ${missing.join(', ')}`]
}

/** What to know about the paths of node and of this package: whether they will be there tomorrow. */
export function launchNotices({ command }: Launch, path = script): string[] {
  const notices = []
  if (/[\\/]_npx[\\/]|[\\/]\.npm[\\/]_cacache[\\/]|[\\/]dlx-/.test(path))
    notices.push(
      `${path} is in a cache that npm empties; install the package (npm install -g mcp-mtls), and run this command again as \`mcp-mtls\``,
    )
  if (/[\\/](\.nvm|\.fnm|fnm|\.volta|\.asdf|mise|\.nodenv|fnm_multishells)[\\/]/.test(command))
    notices.push(
      `${command} belongs to one version of Node; run this command again when you remove that version`,
    )
  return notices
}

/** Homebrew removes the directory of a version with its successor; what stands in `opt` is always the one in use. */
export function stableNode(path: string, exists: (path: string) => boolean = existsSync): string {
  const [, root, formula] = /^(.*)\/Cellar\/(node(?:@\d+)?)\/[^/]+\/bin\/node$/.exec(path) ?? []
  const stable = `${root}/opt/${formula}/bin/node`
  return root !== undefined && exists(stable) ? stable : path
}
