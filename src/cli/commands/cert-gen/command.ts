import { basename } from 'node:path'
import { Command } from 'commander'
import {
  addCertificate,
  type CertificateEntry,
  type CertificateOptions,
  type CertificateSet,
  type KeyType,
  type LeafType,
  makeCertificateSet,
} from '../../../pki/index.js'
import type { Io } from '../../io/io.js'
import { day, shownPath, table, typedPath, writeJson, writeLines } from '../../io/output.js'
import {
  addDirectoryOptions,
  directoriesOf,
  directoryFlags,
  numberArgument,
} from '../../options/certificate-options.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import { warnOfClock } from '../../terminal/clock-warning.js'

interface Flags {
  readonly serverName?: string
  readonly clientName?: string
  readonly san?: readonly string[]
  readonly keyType?: KeyType
  readonly keySize?: number
  readonly days?: number
  readonly caDays?: number
  readonly organization?: string
  readonly country?: string
  readonly force?: boolean
  readonly json?: boolean
}

const help = `
Examples:
  $ mcp-mtls cert-gen
  $ mcp-mtls cert-gen --cert-dir ./certs --san weather.example.org --days 90
  $ mcp-mtls cert-gen client agent-7 --san spiffe://example.org/agent/7

Makes ca.crt, server.crt, client.crt and their keys, or what is missing of them; nothing is overwritten
without --force, and with it the files of before are kept in .generations. With --demo-mode server and
client sign themselves and there is no CA: only demo mode accepts them.

Exit codes: 0 done, 1 failed, 64 bad usage`

export function build(io: Io): Command {
  const command = new Command('cert-gen')
    .description('Makes a private CA, and server and client certificates from it')
    .option('--server-name <name>', 'common name of the server (default: mcp-server)')
    .option('--client-name <name>', 'common name of the client (default: mcp-client)')
    .option('--san <name>', 'one more name of the server: DNS name, IP, email, URI; repeatable', collect)
    .option('--key-type <type>', 'ec-p256, ec-p384, ed25519 or rsa (default: ec-p256)')
    .option('--key-size <bits>', 'of rsa: 2048, 3072 or 4096 (default: 2048)', numberArgument)
    .option('--days <number>', 'how long server and client are valid (default: 365)', numberArgument)
    .option('--ca-days <number>', 'how long the CA is valid (default: 3650)', numberArgument)
    .option('--organization <name>', 'organization in every subject')
    .option('--country <code>', 'country in every subject, two letters')
    .option('--force', 'replace what is there, the CA too')
    .option('--json', 'say what there is now as JSON')
    .helpCommand(false)
    .addHelpText('after', help)
  addDirectoryOptions(command)
  addSettingOptions(command, 'demoMode')
  command.action(async () => {
    warnOfClock(io)
    const { serverName, clientName } = command.opts<Flags>()
    const set = await makeCertificateSet({ ...optionsOf(command, io), serverName, clientName })
    report(set, command, io, serveCommand(set, command, io))
  })
  for (const type of ['server', 'client'] as const)
    command
      .command(`${type} <name>`)
      .description(`issues one more ${type} certificate from the same CA, NAME.crt and NAME.key`)
      .addHelpText(
        'after',
        `
Example:
  $ mcp-mtls cert-gen ${type} ${type === 'server' ? 'weather.example.org' : 'agent-7'} --days 90

Takes the options of cert-gen itself, see mcp-mtls cert-gen --help.`,
      )
      .action(async (name: string) => {
        warnOfClock(io)
        const set = await addCertificate({ ...optionsOf(command, io), type, name })
        report(set, command, io, useCommand(type, set, io))
      })
  return command
}

function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value]
}

function optionsOf(command: Command, io: Io): CertificateOptions {
  const { san, keyType, keySize, days, caDays, organization, country, force } = command.opts<Flags>()
  const { tls } = resolveSettings(command, io)
  return {
    ...directoriesOf(command, io),
    demoMode: tls.demoMode,
    subjectAltNames: san,
    keyType,
    keySize,
    validityDays: days,
    caValidityDays: caDays,
    organization,
    country,
    force,
  }
}

function report(set: CertificateSet, command: Command, io: Io, next: string): void {
  const { json } = command.opts<Flags>()
  writeLines(io.stderr, notices(set, io))
  if (json) return writeJson(io, jsonOf(set))
  const rows = set.entries.map((entry) => [
    shownPath(entry.path, io),
    basename(entry.keyPath),
    entry.isNew ? 'new' : 'kept',
    namesOf(entry).join(', ') || entry.facts.subject,
    `until ${day(entry.facts.notAfter)}`,
  ])
  writeLines(io.stdout, [...table(rows), '', `next: ${next}`])
}

function jsonOf({ certDir, entries }: CertificateSet) {
  return {
    cert_dir: certDir,
    files: entries.map((entry) => ({
      path: entry.path,
      key_path: entry.keyPath,
      type: entry.type,
      subject: entry.facts.subject,
      names: namesOf(entry),
      serial: entry.facts.serial,
      not_after: entry.facts.notAfter.toISOString(),
      created: entry.isNew,
    })),
  }
}

function notices({ entries, replacedCa, orphaned, previous }: CertificateSet, io: Io): string[] {
  const now = new Date()
  return [
    ...(entries.some(({ isNew }) => isNew)
      ? []
      : ['nothing to do: everything is there already (--force replaces it)']),
    ...(replacedCa
      ? [
          'warning: the CA was replaced: what trusts the old one will refuse the new certificates, and the other way round',
        ]
      : []),
    ...orphaned.map(
      (path) => `warning: ${shownPath(path, io)} is from the old CA: issue it anew with --force`,
    ),
    ...entries
      .filter(({ facts }) => facts.notAfter < now)
      .map(
        ({ path, facts }) =>
          `warning: ${shownPath(path, io)} expired on ${day(facts.notAfter)}; --force replaces it`,
      ),
    ...(previous === undefined ? [] : [`the files of before are kept in ${shownPath(previous, io)}`]),
  ]
}

function namesOf({ facts: { names } }: CertificateEntry): string[] {
  return [...names.dns, ...names.ip, ...names.email, ...names.uri]
}

/** What a person would type next. */
function serveCommand({ certDir }: CertificateSet, command: Command, io: Io): string {
  const { tls } = resolveSettings(command, io)
  return `npx mcp-mtls serve all${directoryFlags({ certDir }, io)}${tls.demoMode ? ' --demo-mode' : ''}`
}

function useCommand(type: LeafType, { certDir, entries }: CertificateSet, io: Io): string {
  const { path = '', keyPath = '' } = entries.find((entry) => entry.type === type) ?? {}
  const files = `${directoryFlags({ certDir }, io)} --${type}-cert ${typedPath(path, io)} --${type}-key ${typedPath(keyPath, io)}`
  return type === 'server' ? `npx mcp-mtls serve all${files}` : `npx mcp-mtls ask "echo hello"${files}`
}
