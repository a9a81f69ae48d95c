import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Pinned: totals are compared. It wants Node 22 or newer. */
const suite = '@modelcontextprotocol/conformance@0.2.0-alpha.12'
const node = 'node@24'

export interface Suite {
  readonly node: string
  readonly program: string
}

/** The official conformance suite from the package registry, with a Node for it; undefined when it cannot be had here. */
export function findSuite(): Suite | undefined {
  try {
    const packages = [suite, node].map((name) => `--package=${name}`)
    const look = 'node --print process.execPath && command -v conformance'
    const [execPath, program] = execFileSync(
      'npx',
      ['--yes', '--fetch-retries=0', ...packages, '--call', look],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 120_000 },
    )
      .trim()
      .split('\n')
    return execPath && program ? { node: execPath, program } : undefined
  } catch {
    return undefined
  }
}

export interface Report {
  readonly passed: number
  readonly failed: number
  /** `failed SCENARIO: CHECK` and `warned …` of every check that did not pass, sorted. */
  readonly complaints: readonly string[]
}

interface Check {
  readonly id: string
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'INFO' | 'SKIPPED'
}

/** Runs the server scenarios that a revision names against a URL; unscored extensions count too. */
export async function runSuite({ node, program }: Suite, url: string, revision: string): Promise<Report> {
  const results = await mkdtemp(join(tmpdir(), 'mcp-mtls-test-'))
  try {
    const args = ['server', '--url', url, '--requirements', revision, '--output-dir', results]
    // Ends with 1 when a check fails: what failed is in the results.
    await new Promise<void>((resolve) =>
      execFile(node, [program, ...args], { maxBuffer: 2 ** 28 }, () => resolve()),
    )
    const checks: (Check & { readonly scenario: string })[] = []
    for (const folder of await readdir(results)) {
      const scenario = folder.replace(/^server-/, '').replace(/-\d{4}-\d\d-\d\dT.*$/, '')
      const found: Check[] = JSON.parse(await readFile(join(results, folder, 'checks.json'), 'utf8'))
      checks.push(...found.map((check) => ({ ...check, scenario })))
    }
    const count = (status: Check['status']) => checks.filter((check) => check.status === status).length
    const complaints = checks.flatMap(({ scenario, id, status }) => {
      const word = status === 'FAILURE' ? 'failed' : status === 'WARNING' ? 'warned' : undefined
      return word ? [`${word} ${scenario}: ${id}`] : []
    })
    return { passed: count('SUCCESS'), failed: count('FAILURE'), complaints: complaints.toSorted() }
  } finally {
    await rm(results, { recursive: true, force: true })
  }
}
