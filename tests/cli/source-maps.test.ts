import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runProcess } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

/** Where a mistake of ours stands, as somebody who reports it sees it. */
async function traceOf(env: Readonly<Record<string, string>>): Promise<string> {
  const cwd = scratch()
  // Loaded before the command: makes what it prints with fail as a mistake would.
  const preload = join(cwd, 'mistake.mjs')
  writeFileSync(preload, "JSON.stringify = () => { throw new Error('oops') }\n")
  const { stderr } = await runProcess(['cert-gen'], { cwd, env, node: ['--import', preload] })
  return stderr
}

test('a stack trace names the sources, not the bundle, for those who ask', async () => {
  const asked = await traceOf({ LOG_LEVEL: 'debug' })
  expect(asked).toMatch(/oops[\s\S]* at .*src\/\S+\.ts:\d+/)
  expect(asked).not.toContain('dist/bundle')
  expect(await traceOf({})).not.toMatch(/\.ts:\d+/)
})
