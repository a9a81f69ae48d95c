import { describe, expect, test } from 'vitest'
import { root } from '../architecture/sources.js'
import { startNode } from '../support/cli.js'

interface Judged {
  readonly what: string
  readonly rounds: number
  readonly verdict: string
  readonly interval: readonly number[] | null
}
interface Result {
  readonly environment: Record<string, unknown>
  readonly failures: readonly unknown[]
  readonly targets: readonly Judged[]
  readonly figures: readonly { readonly figure: string; readonly of: string; readonly median: number }[]
}
interface Block {
  readonly rounds: number
  readonly add: (label: Record<'figure' | 'unit' | 'of' | 'at', string>, value: number) => void
}

const bench = (path: string) => import(new URL(`../../bench/${path}`, import.meta.url).href)
const { measureSuite } = await bench('suite/suite.mjs')
const { lines } = await bench('suite/text.mjs')
const { withParts } = await bench('suite/kept.mjs')
const { page } = await bench('report/page.mjs')

/** The part that measures answers, with a server that takes these times for its rounds of each block. */
async function measured(ours: readonly (readonly number[])[], options: { short?: boolean } = {}) {
  const blocks = [...ours]
  const told: string[] = []
  const measure = async ({ rounds, add }: Block) => {
    const values = blocks.shift() ?? []
    const label = { figure: 'CPU of the server per call', unit: 'µs', at: '1 MiB' }
    for (let round = 0; round < rounds; round++) {
      add({ ...label, of: 'bare' }, 100)
      add({ ...label, of: 'ours' }, values[round] ?? Number.NaN)
    }
  }
  const parts = { payload: { what: 'answers', rounds: 4, measure } }
  const tell = (line: string) => void told.push(line)
  const result: Result = await measureSuite({ parts, short: false, tell, ...options })
  return { told, result, target: result.targets[0] }
}

const quiet = [110, 112, 114, 116]
const noisy = [90, 120, 140, 160]

describe('the suite', () => {
  test('a target all rounds agree about is judged', async () => {
    const met = await measured([quiet, quiet])
    expect(met.target).toMatchObject({ rounds: 8, verdict: 'met', interval: [1.1, 1.16] })
    const missed = await measured([[150, 151, 152, 153], quiet.map((value) => value + 30)])
    expect(missed.target).toMatchObject({ rounds: 8, verdict: 'missed' })
    expect(missed.told).toEqual(['payload: answers, block 1', 'payload: answers, block 2'])
  })

  test('where rounds disagree it measures more, until they do not', async () => {
    const { target, told } = await measured([noisy, noisy, ...Array(4).fill(quiet)])
    expect(target?.verdict).toBe('met')
    expect(told.length).toBeGreaterThan(2)
    expect(target?.rounds).toBe(told.length * 4)
  })

  test('and gives up after three times as many, without a verdict', async () => {
    const { target, result } = await measured(Array(6).fill(noisy))
    expect(target).toMatchObject({ rounds: 24, verdict: 'inconclusive' })
    expect(result.figures).toMatchObject([{ of: 'bare', median: 100 }, { of: 'ours' }])
  })

  test('a short run judges nothing', async () => {
    const { target, told } = await measured([[1, 1]], { short: true })
    expect(target).toMatchObject({ rounds: 2, verdict: 'inconclusive', interval: null })
    expect(told).toHaveLength(1)
  })

  test('a part that fails is told, and the others are measured', async () => {
    const fails = async () => Promise.reject(new Error('answered 500'))
    const works = async ({ add }: Block) => add({ figure: 'time', unit: 'ms', of: 'ours', at: '' }, 1)
    const parts = {
      calls: { what: 'calls', rounds: 2, measure: fails },
      streams: { what: 'streams', rounds: 2, measure: works },
    }
    const result: Result = await measureSuite({ parts, short: false, tell: () => {} })
    expect(result.failures).toEqual([{ part: 'calls', message: 'answered 500' }])
    expect(result.figures).toMatchObject([{ figure: 'time', rounds: 2 }])
  })

  test('what has no target is compared, and judged by nothing', async () => {
    const measure = async ({ rounds, add }: Block) => {
      for (let round = 0; round < rounds; round++)
        for (const [of, value] of [
          ['expose', 310],
          ['direct', 100 + round],
        ] as const)
          add({ figure: 'time of a call', unit: 'µs', of, at: 'HTTP, JSON' }, value)
    }
    const parts = { expose: { what: 'expose', rounds: 4, measure } }
    const result: Result = await measureSuite({ parts, short: false, tell: () => {} })
    expect(result.targets).toMatchObject([
      { what: 'time, HTTP, JSON: expose ÷ direct', verdict: 'compared', at_most: null, rounds: 8 },
      { what: 'time, HTTP, JSON: expose − direct', verdict: 'compared', unit: 'µs', median: 209 },
    ])
    expect(lines(result).join('\n')).toMatch(/expose − direct +– +209 µs .* compared/)
    const whole = (await measured([quiet, quiet])).result
    const kept = withParts(withParts(whole, result, ['expose']), result, ['expose'])
    expect(kept.targets.map(({ what }: Judged) => what)).toEqual([
      'answer of 1 MiB: ours ÷ bare node:https',
      ...result.targets.map(({ what }) => what),
    ])
    const text = page(kept)
    expect(text).toContain('1 met, 0 missed, 0 inconclusive.')
    expect(text).toMatch(
      /## A server behind expose[^#]*Measured after the other parts: mcp-mtls [^#]*\| time, HTTP, JSON: expose − direct \| 209 µs/,
    )
  })

  test('that the machine was busy is said first', async () => {
    const { result } = await measured([quiet, quiet])
    const seen = (share: number) =>
      lines({ ...result, environment: { ...result.environment, share_of_others: share } })[0]
    expect(seen(0.5)).toMatch(/^The machine was busy: other processes took 50 % of its CPU/)
    expect(seen(0.02)).toMatch(/^mcp-mtls /)
  })
})

const run = (...flags: string[]) => startNode(['bench/run.mjs', ...flags], { cwd: root }).finished

test.each([
  [['--only', 'calls,nothing'], 'no such part: nothing'],
  [['--rounds', '0'], 'whole number'],
  [['--slow'], '--slow'],
  [['--write', '--short'], '--write keeps what was measured'],
])('npm run bench -- %j is bad usage', async (flags, message) => {
  const { exitCode, stderr } = await run(...flags)
  expect(exitCode).toBe(64)
  expect(stderr).toContain(message)
})

test('its help shows the parts and an example', async () => {
  const { exitCode, stdout } = await run('--help')
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/\n {2}streams {2,}\S/)
  expect(stdout).toContain('$ npm run bench -- --only calls')
})
