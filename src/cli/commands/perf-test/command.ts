import { Command, InvalidArgumentError } from 'commander'
import { settingsOf } from '../../../config/settings/setting-table.js'
import type { Io } from '../../io/io.js'
import { durationArgument, serverIdOption } from '../../options/arguments.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import type { PerfFlags } from './run.js'

export function build(io: Io): Command {
  const command = new Command('perf-test')
    .description('Measures what mTLS costs: the same calls over HTTP and over mTLS, in turns')
    .option('--mtls-url <url>', 'measure this server instead of own ones')
    .addOption(serverIdOption())
    .option('--http-url <url>', 'the same server without TLS, on loopback')
    .option('--duration <time>', 'time for connections and calls together (default 28s)', durationArgument)
    .option('--concurrency <n,n,…>', 'calls in flight, each measured for itself', concurrencies, [1, 4, 16])
    .option('--quick', 'about ten seconds in all, for a first impression')
    .option('--report <file>', 'write a page with plots, one HTML file')
    .option('--force', 'replace a report that is there')
    .option('--json', 'print the figures as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mcp-mtls perf-test
  $ mcp-mtls perf-test --quick --report cost.html
  $ mcp-mtls perf-test --mtls-url https://mcp.example.com:8443/mcp --cert-dir ./certs --concurrency 1,8

Without URLs it starts servers of its own, with certificates in a temporary folder, and leaves nothing behind.
A server that is given gets thousands of calls: of its tool "echo", else of one that only reads and asks for no
arguments, else tools/list. Its CPU and memory are not known. The load comes from this machine and
this one process: what is measured is the cost of a call, not the most a server can do.`,
    )
    .action(async (flags: PerfFlags) => {
      if (flags.httpUrl !== undefined && flags.mtlsUrl === undefined)
        command.error('error: --http-url needs --mtls-url beside it')
      if (flags.serverId !== undefined && flags.mtlsUrl === undefined)
        command.error('error: --server-id needs --mtls-url beside it')
      const settings = await resolveSettings(command, io)
      const { run } = await import('./run.js')
      await run(flags, settings, io)
    })
  return addSettingOptions(command, ...settingsOf('tls'))
}

const mostInFlight = 256

function concurrencies(text: string): number[] {
  const numbers = text.split(',').map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : Number.NaN))
  if (numbers.every((number) => number >= 1 && number <= mostInFlight))
    return [...new Set(numbers)].sort((one, other) => one - other)
  throw new InvalidArgumentError(`Allowed are whole numbers from 1 to ${mostInFlight}, separated by commas.`)
}
