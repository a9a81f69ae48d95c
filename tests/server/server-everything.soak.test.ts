import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MtlsFetch, mtlsFetch } from '../../src/client/index.js'
import { type RunningServer, type ServeOptions, serve } from '../../src/server/index.js'
import { startNode } from '../support/cli.js'
import { clientV1, clientV2, clientV2Auto } from '../support/compare/clients.js'
import { everythingScript } from '../support/compare/everything.js'
import { transcriptOf } from '../support/compare/transcript.js'
import { everything, stockEverything } from '../support/everything/server.js'
import { tier } from '../support/tier.js'
import { makeWorld, type World } from '../support/world.js'

let world: World
let fetch: MtlsFetch
beforeAll(async () => {
  world = await makeWorld()
  fetch = mtlsFetch(world.tls)
})
afterAll(async () => {
  await fetch.close()
  await world[Symbol.asyncDispose]()
})

async function serveEverything(onEnd?: (sessionId: string | undefined) => void): Promise<RunningServer> {
  const options: ServeOptions = {
    name: `everything-${crypto.randomUUID()}`,
    tlsPort: 0,
    tls: world.tls,
    log: false,
    sessions: true,
  }
  return serve(() => everything(onEnd), options)
}

const clients = [
  ['SDK v1', clientV1, tier(68, 69)],
  ['SDK v2', clientV2, tier(66, 67)],
  ['SDK v2 that looks for a newer era first', clientV2Auto, tier(66, 67)],
] as const

describe.each(clients)('the reference server, and a client of %s', (_sdk, open, answers) => {
  test('every tool, prompt, resource, question and notification is what it is without us', async () => {
    await using stock = await stockEverything()
    const { changed: lost, ...directly } = await transcriptOf(open, { url: stock.url }, everythingScript)
    expect(Object.keys(directly).length + 1).toBe(answers)

    await using server = await serveEverything()
    const { changed, ...ours } = await transcriptOf(open, { url: server.url, fetch }, everythingScript)
    expect(ours).toEqual(directly)
    // What the server says before its client listens, the SDK loses; here it is held for it.
    expect(changed).toEqual(expect.arrayContaining(['tools', ...(lost as string[])]))
  })

  test('what it has started for a session ends with the session', async () => {
    const ended: (string | undefined)[] = []
    await using server = await serveEverything((sessionId) => ended.push(sessionId))
    let sessionId: string | undefined
    {
      await using peer = await open({ url: server.url, fetch })
      sessionId = peer.sessionId
      await peer.call('toggle-simulated-logging', {})
    }
    await expect.poll(() => ended).toContain(sessionId)
    expect(sessionId).toMatch(/^[\x21-\x7e]{22,}$/)
  })
})

test('without sessions, what it says from timers after its answers does not end the process', async () => {
  const program = fileURLToPath(new URL('../support/everything/stateless-process.mjs', import.meta.url))
  const running = startNode([program, world.certDir])
  const [, url = ''] = await running.printed(/serves at (\S+)/)
  const client = async () => clientV1({ url, fetch })

  await using peer = await client()
  await peer.call('toggle-simulated-logging', {})
  await running.printed(/(timer 1 has fired[\s\S]*){3}/)
  expect(await peer.call('echo', { message: 'still here' })).toMatchObject({
    content: [{ text: 'Echo: still here' }],
  })

  // Without a session nobody can be told of an update, whatever is answered to this.
  await peer.subscribe('demo://resource/dynamic/text/1').catch(() => {})
  await peer.call('toggle-subscriber-updates', {})
  await running.printed(/(timer 2 has fired[\s\S]*){3}/)
  expect(await peer.call('echo', { message: 'still here' })).toMatchObject({
    content: [{ text: 'Echo: still here' }],
  })
  expect(running.process.exitCode).toBe(null)
})
