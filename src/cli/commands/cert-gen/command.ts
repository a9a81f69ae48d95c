import { Command } from 'commander'
import type { Io } from '../../io/io.js'
import { numberArgument, repeatedArgument } from '../../options/arguments.js'
import { addDirectoryOptions } from '../../options/directories.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import { warnOfClock } from '../../terminal/clock-warning.js'
import type { GenFlags } from './run.js'

const help = `
Examples:
  $ mcp-mtls cert-gen
  $ mcp-mtls cert-gen --cert-dir ./certs --san weather.example.org --days 90
  $ mcp-mtls cert-gen ca --trust-domain example.org
  $ mcp-mtls cert-gen client agent-7 --san spiffe://example.org/agent/7
  $ mcp-mtls cert-gen server weather --san spiffe://example.org/weather --no-host-names

Makes ca.crt, server.crt, client.crt and their keys, or what is missing of them; nothing is overwritten
without --force, and with it the files of before are kept in .generations. With --demo-mode server and
client sign themselves and there is no CA: only demo mode accepts them.`

export function build(io: Io): Command {
  const command = new Command('cert-gen')
    .description('Makes a private CA, and server and client certificates from it')
    .option('--server-name <name>', 'common name of the server (default: mcp-server)')
    .option('--client-name <name>', 'common name of the client (default: mcp-client)')
    .option(
      '--san <name>',
      'one more name of the server: DNS name, IP, email, URI; repeatable',
      repeatedArgument,
    )
    .option('--no-host-names', 'the server gets no DNS name and no IP address: clients ask for its identity')
    .option('--trust-domain <domain>', 'of a new CA: it may issue SPIFFE IDs of this trust domain alone')
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
    const settings = await resolveSettings(command, io)
    const { makeSet } = await import('./run.js')
    await makeSet(command.opts<GenFlags>(), settings, io)
  })
  command
    .command('ca')
    .description('makes the CA alone, ca.crt and ca.key')
    .addHelpText(
      'after',
      `
Example:
  $ mcp-mtls cert-gen ca --trust-domain example.org

Takes the options of cert-gen itself, see mcp-mtls cert-gen --help.`,
    )
    .action(async () => {
      warnOfClock(io)
      const settings = await resolveSettings(command, io)
      const { makeCa } = await import('./run.js')
      await makeCa(command.opts<GenFlags>(), settings, io)
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
        const settings = await resolveSettings(command, io)
        const { makeOne } = await import('./run.js')
        await makeOne(type, name, command.opts<GenFlags>(), settings, io)
      })
  return command
}
