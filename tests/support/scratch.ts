import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** An empty directory for the running test, removed after it. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mcp-mtls-test-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** A directory that has these files, with any content. */
export function directoryWith(...names: string[]): string {
  const directory = scratch()
  for (const name of names) writeFileSync(join(directory, name), 'content')
  return directory
}

export const usualFiles = ['ca.crt', 'server.crt', 'server.key', 'client.crt', 'client.key']
