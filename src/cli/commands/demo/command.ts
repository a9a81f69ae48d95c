import { Command } from 'commander'
import type { Io } from '../../io/io.js'
import type { DemoFlags } from './run.js'

export function build(io: Io): Command {
  return new Command('demo')
    .description('Makes certificates, runs the servers, asks questions, refuses strangers: the whole story')
    .option('--json', 'print what happened as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ mcp-mtls demo

Needs no network and no settings, uses free ports on loopback and a temporary folder, and leaves nothing behind.`,
    )
    .action(async (flags: DemoFlags) => {
      const { run } = await import('./run.js')
      await run(flags, io)
    })
}
