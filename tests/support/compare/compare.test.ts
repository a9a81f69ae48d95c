import { describe, expect, test } from 'vitest'
import { scratch } from '../scratch.js'
import { clientV1, clientV2, clientV2Auto } from './clients.js'
import { everythingProgram, everythingScript } from './everything.js'
import { filesystemRun } from './filesystem.js'
import { transcriptOf } from './transcript.js'

const clients = [
  ['SDK v1', clientV1],
  ['SDK v2', clientV2],
  ['SDK v2 that looks for a newer era first', clientV2Auto],
] as const

describe.each(clients)('a client of %s gets the same twice', (_sdk, open) => {
  test('of the reference server', async () => {
    const once = () => transcriptOf(open, everythingProgram, everythingScript)
    const [one, other] = await Promise.all([once(), once()])
    expect(other).toEqual(one)
    expect(one.cancelled).toMatchObject({ failed: { message: expect.stringContaining('enough of it') } })
    expect(one['progress of trigger-long-running-operation 0']).toMatchObject([
      [1, 2, 3, 4].map((progress) => ({ progress, total: 4 })),
    ])
    expect(one.logged).toHaveLength(2)
  })

  test('of the file system server, whose root is the one that the client tells', async () => {
    const once = () => {
      const { way, script, behaviour } = filesystemRun(scratch())
      return transcriptOf(open, way, script, behaviour)
    }
    const [one, other] = await Promise.all([once(), once()])
    expect(other).toEqual(one)
    expect(one['tool search_files 0']).toMatchObject({
      content: [{ text: 'ROOT/large.txt\nROOT/made/moved.txt\nROOT/notes/poem.txt' }],
    })
  })
})
