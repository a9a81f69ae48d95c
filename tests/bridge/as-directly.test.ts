import { describe, expect, test } from 'vitest'
import { fixture, fixtureScript } from '../expose/programs/script.js'
import { bin } from '../support/cli.js'
import { clientV1, clientV2, clientV2Auto, type Open, type Way } from '../support/compare/clients.js'
import { everythingProgram, everythingScript } from '../support/compare/everything.js'
import { filesystemRun } from '../support/compare/filesystem.js'
import { transcriptOf } from '../support/compare/transcript.js'
import { exposed } from '../support/exposed.js'
import { scratch } from '../support/scratch.js'
import { makeWorld } from '../support/world.js'

type Program = Extract<Way, { command: string }>

const clients: readonly (readonly [string, Open])[] = [
  ['SDK v1', clientV1],
  ['SDK v2', clientV2],
]

/** Runs `use` with a bridge to a program behind the gate. */
async function bridged(program: Program, use: (way: Way) => Promise<void>): Promise<void> {
  await using world = await makeWorld()
  const { url } = await exposed(world, [program.command, ...program.args])
  // The program behind it takes its time to start.
  const flags = ['--cert-dir', world.certDir, '--initialize-within', '30s']
  await use({ command: process.execPath, args: [bin, 'bridge', url, ...flags] })
}

describe.each(clients)('a client of %s gets through the bridge what it gets directly', (_sdk, open) => {
  test('of the reference server', () =>
    bridged(everythingProgram, async (way) => {
      const [through, direct] = await Promise.all([
        transcriptOf(open, way, everythingScript),
        transcriptOf(open, everythingProgram, everythingScript),
      ])
      expect(through).toEqual(direct)
    }))

  test('of the file system server', () => {
    const [one, other] = [filesystemRun(scratch()), filesystemRun(scratch())]
    return bridged(one.way as Program, async (way) => {
      const [through, direct] = await Promise.all([
        transcriptOf(open, way, one.script, one.behaviour),
        transcriptOf(open, other.way, other.script, other.behaviour),
      ])
      expect(through).toEqual(direct)
    })
  })

  test.each([
    ['2025', []],
    ['both eras', ['--modern']],
  ])('of a program of %s', (_era, flags) =>
    bridged(fixture(...flags), async (way) => {
      const [through, direct] = await Promise.all([
        transcriptOf(open, way, fixtureScript),
        transcriptOf(open, fixture(...flags), fixtureScript),
      ])
      expect(through).toEqual(direct)
    }),
  )

  test('of a program of 2026-07-28 alone what it gets of the same one in its own era', () =>
    bridged(fixture('--newest'), async (way) => {
      const [through, direct] = await Promise.all([
        transcriptOf(open, way, fixtureScript),
        transcriptOf(open, fixture('--modern'), fixtureScript),
      ])
      // Over HTTP the newer era gives a call up without a reason; and where the SDK asks in a session, it says what goes without saying.
      const asked = (direct.asked as { mode?: string }[]).map(({ mode: _form, ...rest }) => rest)
      expect(through).toEqual({ ...direct, asked, 'cancelled is told': ['the client has gone'] })
    }))
})

test('a client of 2026-07-28 gets of a program of that era what it gets directly', () =>
  bridged(fixture('--modern'), async (way) => {
    const [through, direct] = await Promise.all([
      transcriptOf(clientV2Auto, way, fixtureScript),
      transcriptOf(clientV2Auto, fixture('--modern'), fixtureScript),
    ])
    expect(through).toEqual(direct)
  }))

test('and of one that has only sessions what it gets of the same one in its own era', () =>
  bridged(fixture(), async (way) => {
    const [through, direct] = await Promise.all([
      transcriptOf(clientV2Auto, way, { ...fixtureScript, logged: () => 0 }),
      transcriptOf(clientV2Auto, fixture('--modern'), fixtureScript),
    ])
    // This server logs what no call has asked for; a session is told of nothing then.
    expect({ ...through, logged: [] }).toEqual({ ...direct, logged: [] })
  }))
