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
}[] = [
  ['tools-call-sampling', 'tools-call-sampling'],
  ['tools-call-elicitation', 'tools-call-elicitation'],
  ['elicitation-sep1034-defaults', 'elicitation-sep1034-general'],
  ['elicitation-sep1330-enums', 'elicitation-sep1330-general'],
].map(([scenario, check]) => ({
  mode: 'no sessions',
  revision: '2025-11-25',
  stock: `failed ${scenario}: scenario-timeout`,
  ours: `failed ${scenario}: ${check}`,
  because: 'a question that cannot reach the client fails at once, with words; stock waits in vain',
}))

const suite = findSuite()
const runs = (['sessions', 'no sessions'] as const)
  .flatMap((mode) => (['2025-11-25', '2026-07-28'] as const).map((revision) => ({ mode, revision })))
  // There the stock server lets four scenarios wait for half a minute each.
  .slice(0, tier(2, 4))

describeWith('conformance suite with a Node for it', suite !== undefined, 'the conformance suite', () => {
  for (const { mode, revision } of runs)
    test(`${revision}, ${mode}: it says of ours, over mutual TLS, what it says of stock`, () =>
      compare(suite as Suite, mode, revision))
})

async function compare(suite: Suite, mode: Mode, revision: Revision): Promise<void> {
  await using stock = await (mode === 'sessions' ? stockStateful : stockStateless)(conformanceServer)
  await using own = await ours(conformanceServer, { sessions: mode === 'sessions' })
  const ofStock = await runSuite(suite, stock.url, revision)
  const ofOurs = await runSuite(suite, own.url, revision)

  expect([ofStock.passed, ofStock.failed], ofStock.complaints.join('\n')).toEqual(totals[mode][revision])
  const rows = differences.filter((row) => row.mode === mode && row.revision === revision)
  expect({
    ofStockAlone: missing(ofStock, ofOurs),
    ofOursAlone: missing(ofOurs, ofStock),
    totals: [ofOurs.passed, ofOurs.failed],
  }).toEqual({
    ofStockAlone: rows.flatMap((row) => row.stock ?? []).toSorted(),
    ofOursAlone: rows.flatMap((row) => row.ours ?? []).toSorted(),
    totals: [ofStock.passed, ofStock.failed],
  })
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
