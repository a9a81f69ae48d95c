import { expect, test } from 'vitest'
import { ours } from '../support/conformance/our-mount.js'
import { conformanceServer } from '../support/conformance/server.js'
import { stockStateful, stockStateless } from '../support/conformance/stock-mounts.js'
import { findSuite, type Report, runSuite, type Suite } from '../support/conformance/suite.js'
import { tier } from '../support/tier.js'
import { describeWith } from '../support/tools.js'

/** Of the pinned suite against the pinned SDK, over plain HTTP. 30 of 2026-07-28 are an extension: `tasks`, unscored. */
const totals = {
  sessions: { '2025-11-25': [84, 0], '2026-07-28': [164, 30] },
  // Four scenarios have the server ask the client, for which it needs a session.
  'no sessions': { '2025-11-25': [63, 4], '2026-07-28': [164, 30] },
} as const

type Mode = keyof typeof totals
type Revision = keyof (typeof totals)[Mode]

/** How ours differs from stock, and why. */
const differences: readonly {
  readonly mode: Mode
  readonly revision: Revision
  readonly stock?: string
  readonly ours?: string
  readonly because: string
}[] = []

const suite = findSuite()
// Without sessions the stock server lets each of the four wait for half a minute.
const modes: readonly Mode[] = tier(0, 1) ? ['sessions', 'no sessions'] : ['sessions']

describeWith(
  'conformance suite with a Node for it',
  suite !== undefined,
  'the conformance suite over mutual TLS',
  () => {
    for (const mode of modes)
      for (const revision of ['2025-11-25', '2026-07-28'] as const)
        test(`${revision}, ${mode}: what it says is what it says of the stock server over plain HTTP`, () =>
          compare(suite as Suite, mode, revision))
  },
)

async function compare(suite: Suite, mode: Mode, revision: Revision): Promise<void> {
  await using stock = await (mode === 'sessions' ? stockStateful : stockStateless)(conformanceServer)
  await using own = await ours(conformanceServer, { sessions: mode === 'sessions' })
  const ofStock = await runSuite(suite, stock.url, revision)
  const ofOurs = await runSuite(suite, own.url, revision)

  expect([ofStock.passed, ofStock.failed], ofStock.complaints.join('\n')).toEqual(totals[mode][revision])
  const expected = differences.filter((row) => row.mode === mode && row.revision === revision)
  expect(missing(ofStock, ofOurs)).toEqual(expected.flatMap((row) => row.stock ?? []))
  expect(missing(ofOurs, ofStock)).toEqual(expected.flatMap((row) => row.ours ?? []))
  if (expected.length === 0) expect([ofOurs.passed, ofOurs.failed]).toEqual([ofStock.passed, ofStock.failed])
}

/** What is said of the one and not of the other, as often as it is. */
function missing({ complaints }: Report, other: Report): string[] {
  const rest = [...other.complaints]
  return complaints.filter((complaint) => {
    const at = rest.indexOf(complaint)
    if (at >= 0) rest.splice(at, 1)
    return at < 0
  })
}
