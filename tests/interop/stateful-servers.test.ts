import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { mtlsFetch } from '../../src/client/index.js'
import { fixtureScript } from '../expose/programs/script.js'
import { clientV1, clientV2 } from '../support/compare/clients.js'
import { transcriptOf } from '../support/compare/transcript.js'
import { pythonWithSdk } from '../support/python-sdk.js'
import { describeWith } from '../support/tools.js'
import { exposed } from '../support/upstream.js'
import { makeWorld } from '../support/world.js'

const program = fileURLToPath(new URL('fixtures/stateful_server.py', import.meta.url))

for (const major of [1, 2]) {
  const python = pythonWithSdk(major)
  const tool = `Python SDK ${major}.x`
  describeWith(tool, python !== undefined, `a server of the ${tool}, with sessions`, () => {
    let running: ChildProcess
    let url: string
    beforeAll(async () => {
      running = spawn(python ?? '', [program], { stdio: ['ignore', 'pipe', 'ignore'] })
      const [line] = await once(createInterface({ input: running.stdout ?? process.stdin }), 'line')
      url = /listens at (\S+)/.exec(line)?.[1] ?? ''
    })
    afterAll(() => void running.kill('SIGKILL'))

    test.each([
      ['SDK v1', clientV1],
      ['SDK v2', clientV2],
    ])('gives a client of the TypeScript %s what it gives directly, behind the gate', async (_sdk, open) => {
      await using world = await makeWorld()
      const fetch = mtlsFetch(world.tls)
      onTestFinished(() => fetch.close())
      const directly = await transcriptOf(open, { url }, fixtureScript)
      const gate = await exposed(url, world)
      expect(await transcriptOf(open, { url: gate.url, fetch }, fixtureScript)).toEqual(directly)
      expect(gate.server.health()).toMatchObject({ calls_in_flight: 0, upstream: { reachable: true } })
      expect(gate.ended.filter(({ outcome }) => outcome === 'ok').length).toBeGreaterThan(20)
    })

    test.each([
      ['SDK v1', clientV1],
      ['SDK v2', clientV2],
    ])('gives a client of the TypeScript %s the same twice', async (_sdk, open) => {
      const one = await transcriptOf(open, { url }, fixtureScript)
      expect(await transcriptOf(open, { url }, fixtureScript)).toEqual(one)
      expect(one.asked).toHaveLength(3)
      expect(one.logged).toHaveLength(7)
      expect(one.updated).toEqual(['memory://state'])
      expect(one['cancelled is told']).toEqual(['it was'])
      expect(one['progress of reconnect 0']).toMatchObject([[{ progress: 1 }, { progress: 2 }]])
    })
  })
}
