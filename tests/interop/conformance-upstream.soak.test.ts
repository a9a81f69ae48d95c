import { expect, test } from 'vitest'
import { forwarder } from '../support/conformance/forwarder.js'
import { conformanceServer } from '../support/conformance/server.js'
import { stockStateful } from '../support/conformance/stock-mounts.js'
import { findSuite, runSuite, type Suite } from '../support/conformance/suite.js'
import { tier } from '../support/tier.js'
import { describeWith } from '../support/tools.js'
import { exposed } from '../support/upstream.js'
import { makeWorld } from '../support/world.js'

const suite = findSuite()
const revisions = ['2025-11-25', '2026-07-28'].slice(0, tier(1, 2))

describeWith('conformance suite with a Node for it', suite !== undefined, 'the conformance suite', () => {
  test.each(revisions)(
    '%s: it says of a server behind ours what it says of it directly',
    async (revision) => {
      await using world = await makeWorld()
      await using stock = await stockStateful(conformanceServer)
      const { url } = await exposed(stock.url, world)
      const { ca, client } = world
      await using front = await forwarder(url, { ca: ca.cert, cert: client.cert, key: client.key })
      const directly = await runSuite(suite as Suite, stock.url, revision)
      expect(directly.passed).toBeGreaterThan(80)
      expect(await runSuite(suite as Suite, front.url, revision)).toEqual(directly)
    },
  )
})
