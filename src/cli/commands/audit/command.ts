import { Command } from 'commander'
import type { Io } from '../../io/io.js'
import type { ShowFlags } from './show.js'
import type { SummaryFlags } from './summary.js'
import type { VerifyFlags } from './verify.js'

const help = `
Examples:
  $ mcp-mtls audit show ./audit.jsonl --denied --since 24h
  $ mcp-mtls audit summary ./audit.jsonl*
  $ mcp-mtls audit verify ./audit.jsonl* --key ./kept/audit.pub

Reads what a server wrote with --audit-log. Name the files of one record, in any order; the keys and the lock beside them
are passed over.`

const showHelp = `
Examples:
  $ mcp-mtls audit show ./audit.jsonl --denied
  $ mcp-mtls audit show ./audit.jsonl* --identity spiffe://example.org/agent/reporting --since 2026-01-31
  $ mcp-mtls audit show ./audit.jsonl --tool getTemperature --follow --json
  $ mcp-mtls audit show ./audit.jsonl --request-id 6f1c2a9e-4d63-4b0a-9d2f-2c9f5f1f7a10 --json

With --json each line is printed as it is in the record. In the table, RESULT is the outcome of an allowed call; what was
not allowed, and events of the record itself, have their own words there; times are UTC. With --follow the next file is
read when one is full; Ctrl-C ends it.`

const summaryHelp = `
Examples:
  $ mcp-mtls audit summary ./audit.jsonl
  $ mcp-mtls audit summary ./audit.jsonl* --json

FAILED counts allowed calls that ended in an error. P50 and P99 are the milliseconds within which half, and 99 percent, of
the allowed calls were answered.`

const verifyHelp = `
Examples:
  $ mcp-mtls audit verify ./audit.jsonl
  $ mcp-mtls audit verify ./audit.jsonl* --key ./kept/audit.pub --checkpoint ./kept/checkpoint --json

Finds lines that were changed, removed, added or reordered, up to the last checkpoint. Keep the public key and, now and
then, a checkpoint somewhere else: whoever can change the record can change what lies beside it. What this shows, and what
it cannot show, is in docs/audit.md.`

const files = ['<files...>', 'files of one record, in any order'] as const

export function build(io: Io): Command {
  const command = new Command('audit')
    .description('Reads and verifies the record of calls')
    .helpCommand(false)
    .addHelpText('after', help)
  command
    .command('show')
    .description('prints the lines of a record')
    .argument(...files)
    .option('--identity <id>', 'calls of this identity alone')
    .option('--tool <name>', 'calls of this tool alone')
    .option('--denied', 'denied calls alone (not those over a limit)')
    .option('--since <time>', 'from a time on, or so long ago: 2026-01-31T12:00:00Z, 90m, 7d')
    .option('--request-id <id>', 'the call that a client was told this of when it was denied')
    .option('--follow', 'wait for more lines')
    .option('--json', 'print the lines themselves, one JSON object each')
    .addHelpText('after', showHelp)
    .action(async (named: readonly string[], flags: ShowFlags) => {
      const { show } = await import('./show.js')
      await show(named, flags, io)
    })
  command
    .command('summary')
    .description('counts the calls of each caller')
    .argument(...files)
    .option('--json', 'print JSON')
    .addHelpText('after', summaryHelp)
    .action(async (named: readonly string[], flags: SummaryFlags) => {
      const { summary } = await import('./summary.js')
      await summary(named, flags, io)
    })
  command
    .command('verify')
    .description('says whether a record was changed')
    .argument(...files)
    .option(
      '--key <pub>',
      'public key of the record: a file, or NAME+ID+KEY (default: the .pub file beside it)',
    )
    .option('--checkpoint <note>', 'a checkpoint that was kept somewhere else: a file, or its text')
    .option('--json', 'print JSON')
    .addHelpText('after', verifyHelp)
    .action(async (named: readonly string[], flags: VerifyFlags) => {
      const { verify } = await import('./verify.js')
      await verify(named, flags, io)
    })
  return command
}
