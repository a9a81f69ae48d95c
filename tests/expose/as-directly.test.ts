import { describe, expect, test } from 'vitest'
import { mtlsFetch } from '../../src/client/index.js'
import { clientV1, clientV2, clientV2Auto, type Open, type Way } from '../support/compare/clients.js'
import { everythingProgram, everythingScript } from '../support/compare/everything.js'
import { filesystemRun } from '../support/compare/filesystem.js'
import { transcriptOf } from '../support/compare/transcript.js'
import { exposed } from '../support/exposed.js'
import { scratch } from '../support/scratch.js'
import { makeWorld } from '../support/world.js'
import { fixture, fixtureScript } from './programs/script.js'

type Program = Extract<Way, { command: string }>

const clients: readonly (readonly [string, Open])[] = [
  ['SDK v1', clientV1],
  ['SDK v2', clientV2],
  ['SDK v2 that looks for a newer era first', clientV2Auto],
]

/** Runs `use` with the way to a program through the gate. */
async function behind(program: Program, use: (way: Way) => Promise<void>): Promise<void> {
  await using world = await makeWorld()
  const { url } = await exposed(world, [program.command, ...program.args])
  const fetch = mtlsFetch({ certDir: world.certDir })
  await use({ url, fetch })
  await fetch.close()
}

describe.each(clients)('a client of %s gets behind the gate what it gets directly', (_sdk, open) => {
  test('of the reference server', () =>
    behind(everythingProgram, async (way) => {
      const [exposed, direct] = await Promise.all([
        transcriptOf(open, way, everythingScript),
        transcriptOf(open, everythingProgram, everythingScript),
      ])
      expect(exposed).toEqual(direct)
    }))

  test('of the file system server', () => {
    const [one, other] = [filesystemRun(scratch()), filesystemRun(scratch())]
    return behind(one.way, async (way) => {
      const [exposed, direct] = await Promise.all([
        transcriptOf(open, way, one.script, one.behaviour),
        transcriptOf(open, other.way, other.script, other.behaviour),
      ])
      expect(exposed).toEqual(direct)
    })
  })

  test.each([
    ['2025', []],
    ['both eras', ['--modern']],
  ])('of a program of %s', (_era, flags) =>
    behind(fixture(...flags), async (way) => {
      const [exposed, direct] = await Promise.all([
        transcriptOf(open, way, fixtureScript),
        transcriptOf(open, fixture(...flags), fixtureScript),
      ])
      expect(exposed).toEqual(direct)
    }),
  )
})
