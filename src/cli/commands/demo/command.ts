import { Command } from 'commander'
import type { Io } from '../../io/io.js'
import { writeJson, writeLines } from '../../io/output.js'
import { withScratchFolder } from '../../io/scratch-folder.js'
import { untilSignal } from '../../io/until-signal.js'
import { painter } from '../../terminal/paint.js'
import { tellStory } from './story.js'

export function build(io: Io): Command {
  return new Command('demo')
    .description('Makes certificates, runs the servers, asks questions, refuses strangers: the whole story')
    .option('--json', 'print what happened as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ mcp-mtls demo

Needs no network and no settings, uses free ports on loopback and a temporary folder, and leaves nothing behind.

Exit codes: 0 every step was as it must be, 1 one was not, 64 bad usage, 130 interrupted`,
    )
    .action(({ json = false }: { json?: boolean }) =>
      withScratchFolder('demo', async (directory) => {
        const interrupted = untilSignal(io)
        try {
          const print = json ? () => {} : (lines: readonly string[]) => writeLines(io.stdout, lines)
          const story = await tellStory({ directory, print, paint: painter(io), signal: interrupted.signal })
          if (json) writeJson(io, story)
          if (!story.ok) io.exitCode = 1
        } catch (error) {
          if (!interrupted.signal.aborted) throw error
          io.exitCode = 130
        } finally {
          interrupted.stop()
        }
      }),
    )
}
