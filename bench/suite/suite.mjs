// All parts in turns, a block of rounds each, until every target is judged or the bound is reached.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificateSet } from '../../dist/pki/index.js'
import { environment, watchOthers } from './machine.mjs'
import { judged, summary, targetsOf } from './targets.mjs'

/** How many times as many rounds as asked for are measured where targets stay open. */
const atMostTimes = 3

/**
 * @typedef {object} Options
 * @property {Readonly<Record<string, import('./parts.mjs').Part>>} parts
 * @property {number | undefined} leastRounds of each part; two blocks without it
 * @property {boolean} short little of everything, once: the result has its shape, and judges nothing
 * @property {(line: string) => void} tell
 * @property {AbortSignal} [signal] ends it after the part that is being measured; what was measured counts
 */

/** @param {Options} options */
export async function measureSuite({ parts, leastRounds, short, tell, signal }) {
  const begun = performance.now()
  const surroundings = environment()
  const others = watchOthers()
  const certDir = mkdtempSync(join(tmpdir(), 'mcp-mtls-bench-'))
  /** @type {{ part: string, message: string }[]} */
  const failures = []
  const measured = Object.entries(parts).map(([part, how]) => ({
    part,
    how,
    blocks: short ? 1 : Math.ceil((leastRounds ?? 2 * how.rounds) / how.rounds),
    values: new Values(),
    isOpen: true,
  }))
  try {
    await makeCertificateSet({ certDir })
    for (let block = 1; measured.some(({ isOpen }) => isOpen) && !signal?.aborted; block++)
      for (const one of measured.filter(({ isOpen }) => isOpen)) {
        if (signal?.aborted) break
        const { part, how, blocks, values } = one
        const { what, rounds, measure } = how
        tell(`${part}: ${what}, block ${block}`)
        try {
          await measure({ certDir, rounds: short ? 2 : rounds, short, add: values.add })
          const open = judgedTargets(one).some(({ verdict }) => verdict === 'inconclusive')
          one.isOpen = block < blocks || (open && !short && block < blocks * atMostTimes)
        } catch (error) {
          failures.push({ part, message: error instanceof Error ? error.message : String(error) })
          one.isOpen = false
        }
      }
  } finally {
    rmSync(certDir, { recursive: true, force: true })
  }
  return {
    environment: {
      ...surroundings,
      seconds: Math.round((performance.now() - begun) / 1000),
      share_of_others: others(),
    },
    failures,
    targets: measured.flatMap(judgedTargets),
    figures: measured.flatMap(({ part, values }) =>
      values.all().map(({ label, values }) => ({ part, ...label, ...summary(values) })),
    ),
  }
}

/** @typedef {Awaited<ReturnType<typeof measureSuite>>} Result */

/** Targets whose values were measured. @param {{ part: string, values: Values }} measured */
function judgedTargets({ part, values }) {
  return targetsOf(part)
    .map((target) => judged(target, values.of))
    .filter(({ rounds }) => rounds > 0)
}

class Values {
  /** @type {Map<string, { label: import('./measuring.mjs').Label, values: number[] }>} */
  #all = new Map()

  /** @type {import('./measuring.mjs').Add} */
  add = (label, value) => {
    const key = JSON.stringify([label.figure, label.of, label.at])
    const { values } = this.#all.get(key) ?? { values: [] }
    this.#all.set(key, { label, values: value === undefined ? values : [...values, value] })
  }

  /** @param {string} figure @param {string} of @param {string} at */
  of = (figure, of, at) => this.#all.get(JSON.stringify([figure, of, at]))?.values ?? []

  /** One figure after the other. */
  all() {
    const measured = [...this.#all.values()].filter(({ values }) => values.length > 0)
    const figures = new Set(measured.map(({ label }) => label.figure))
    return [...figures].flatMap((figure) => measured.filter(({ label }) => label.figure === figure))
  }
}
