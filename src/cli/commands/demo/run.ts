import type { Io } from '../../io/io.js'
import { writeJson, writeLines } from '../../io/output.js'
import { withScratchFolder } from '../../io/scratch-folder.js'
import { untilSignal } from '../../io/signals.js'
import { painter } from '../../terminal/paint.js'
import { tellStory } from './story.js'

export interface DemoFlags {
  readonly json?: boolean
}

export async function run({ json = false }: DemoFlags, io: Io): Promise<void> {
  const print = json ? () => {} : (lines: readonly string[]) => writeLines(io.stdout, lines)
  const story = await withScratchFolder('demo', (directory) =>
    untilSignal(io, (signal) => tellStory({ directory, print, paint: painter(io), signal })),
  )
  if (json) writeJson(io, story)
  if (!story.ok) io.exitCode = 1
}
