import { expect, test } from 'vitest'
import { root } from '../architecture/sources.js'
import { startNode } from '../support/cli.js'
import { tier } from '../support/tier.js'

const parts = [
  'handshakes',
  'revocation',
  'calls',
  'connections',
  'tools',
  'payload',
  'streams',
  'client',
  'expose',
  'start-up',
].slice(0, tier(2, 10))

test('a short run measures every part, and judges none', async () => {
  const flags = ['--short', '--json', '--only', parts.join()]
  const { exitCode, stdout, stderr } = await startNode(['bench/run.mjs', ...flags], { cwd: root }).finished
  expect(exitCode, stderr).toBe(0)
  const { environment, failures, targets, figures } = JSON.parse(stdout)
  expect(environment).toMatchObject({ node: process.versions.node, seconds: expect.any(Number) })
  expect(failures).toEqual([])
  const measured = new Set(figures.map(({ part }: { part: string }) => part))
  expect([...measured]).toEqual(parts)
  for (const figure of figures)
    expect(figure).toMatchObject({
      figure: expect.any(String),
      of: expect.any(String),
      median: expect.any(Number),
      lower_quartile: expect.any(Number),
      upper_quartile: expect.any(Number),
      rounds: 2,
    })
  expect(targets.length).toBeGreaterThanOrEqual(2)
  for (const target of targets)
    expect(target).toMatchObject({
      verdict: target.part === 'expose' ? 'compared' : 'inconclusive',
      interval: null,
    })
  expect(stdout).not.toContain(root)
})
