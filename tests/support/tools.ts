import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { describe } from 'vitest'
import { withoutTool } from './did-not-run.js'

/** Where a program is on this machine; undefined when it is not on the PATH. */
export function onPath(program: string): string | undefined {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/**
 * Tests that need a tool which a machine may lack. Where it is, they run. Elsewhere every one of them is skipped, and
 * the summary of the run names the tool.
 */
export function describeWith(tool: string, isHere: boolean, title: string, tests: () => void): void {
  describe.skipIf(!isHere)(isHere ? title : `${title} ${withoutTool(tool)}`, tests)
}
