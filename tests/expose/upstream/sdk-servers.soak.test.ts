import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type MtlsFetch, mtlsFetch } from '../../../src/client/index.js'
import { startNode } from '../../support/cli.js'
import { clientV1, clientV2, clientV2Auto } from '../../support/compare/clients.js'
import { everythingScript } from '../../support/compare/everything.js'
import { type Script, transcriptOf } from '../../support/compare/transcript.js'
import { conformanceServer } from '../../support/conformance/server.js'
import { stockStateful, stockStateless } from '../../support/conformance/stock-mounts.js'
import { stockEverything } from '../../support/everything/server.js'
import { tier } from '../../support/tier.js'
import { exposed } from '../../support/upstream.js'
import { makeWorld, type World } from '../../support/world.js'
import { fixtureScript, plainScript, programPath, told } from '../programs/script.js'

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

const clients = [
  ['SDK v2 that looks for a newer era first', clientV2Auto, 'newest'],
  ['SDK v1', clientV1, 'earlier'],
  ['SDK v2', clientV2, 'earlier'],
] as const

/** Those that ask the client, or answer on another stream: for that, earlier revisions need a session. */
const asking = {
  test_reconnection: [{}],
  test_sampling: [{ prompt: 'Say something' }],
  test_elicitation: [{ message: 'Who are you?' }],
  test_elicitation_sep1034_defaults: [{}],
  test_elicitation_sep1330_enums: [{}],
  test_input_required_result_elicitation: [{}],
  test_streaming_elicitation: [{}],
  test_input_required_result_sampling: [{}],
  test_missing_capability: [{}],
  test_input_required_result_list_roots: [{}],
  test_input_required_result_request_state: [{}],
  test_input_required_result_tampered_state: [{}],
  test_input_required_result_multiple_inputs: [{}],
  test_input_required_result_multi_round: [{}],
  test_input_required_result_capabilities: [{}],
}

/** Each tool and prompt of the server for the conformance suite. */
const script = (asks: boolean): Script => ({
  tools: {
    test_simple_text: [{}],
    test_image_content: [{}],
    test_audio_content: [{}],
    test_embedded_resource: [{}],
    test_multiple_content_types: [{}],
    test_error_handling: [{}],
    test_tool_with_logging: [{}],
    test_logging_tool: [{}],
    test_tool_with_progress: [{}],
    json_schema_2020_12_tool: [{ name: 'Ada', contactMethod: 'phone', phone: '1' }],
    test_x_mcp_header: [{ region: 'eu' }],
    test_trigger_tool_change: [{}],
    test_trigger_prompt_change: [{}],
    ...Object.fromEntries(Object.entries(asking).map(([name, calls]) => [name, asks ? calls : []])),
  },
  prompts: {
    test_simple_prompt: [{}],
    test_prompt_with_arguments: [{ arg1: 'a', arg2: 'b' }],
    test_prompt_with_embedded_resource: [{ resourceUri: 'test://x' }],
    test_prompt_with_image: [{}],
    test_input_required_result_prompt: asks ? [{}] : [],
  },
  // Signed, with the time in it.
  plain: (text) => text.replace(/^v1\.eyJ[\w.-]+$/, 'STATE'),
  completions: [
    {
      ref: { type: 'ref/prompt', name: 'test_prompt_with_arguments' },
      argument: { name: 'arg1', value: 'par' },
    },
  ],
})

const withoutResuming: Script = { ...fixtureScript, tools: { ...fixtureScript.tools, reconnect: [] } }

describe.each(clients.slice(0, tier(2, 3)))(
  'a client of %s gets what it gets directly',
  (_sdk, open, era) => {
    test('of the reference server, on a transport of SDK v1 with sessions', async () => {
      await using stock = await stockEverything()
      const directly = await transcriptOf(open, { url: stock.url }, everythingScript)
      const { url, ended, server } = await exposed(stock.url, world)
      expect(await transcriptOf(open, { url, fetch }, everythingScript)).toEqual(directly)
      expect(ended.length).toBeGreaterThan(40)
      expect(server.health()).toMatchObject({ calls_in_flight: 0, upstream: { reachable: true } })
    })

    test.each([
      ['with sessions', stockStateful, true],
      ['without sessions', stockStateless, era === 'newest'],
    ])('of a server of SDK v2 %s', async (_, mount, asks) => {
      await using stock = await mount(conformanceServer)
      const directly = await transcriptOf(open, { url: stock.url }, script(asks))
      const { url, ended, server } = await exposed(stock.url, world)
      expect(await transcriptOf(open, { url, fetch }, script(asks))).toEqual(directly)
      expect(ended.length).toBeGreaterThan(25)
      expect(server.health()).toMatchObject({ calls_in_flight: 0 })
    })
  },
)

/** What each kind of client does with the fixture that is started with these flags. */
const [newest, v1, v2] = clients
describe.each([
  ['of SDK v1', [], fixtureScript, [v1, newest]],
  ['of SDK v1 that answers without streams', ['--json'], plainScript, [v1, v2]],
  ['of SDK v1 that keeps no events', ['--no-events'], withoutResuming, [v2]],
  ['of SDK v2', ['--sdk', '2'], fixtureScript, [v1, newest]],
  ['of SDK v2 without sessions', ['--modern'], fixtureScript, [newest]],
  ['of SDK v2 without sessions, for older clients', ['--modern'], plainScript, [v1, v2]],
] as const)('the fixture, %s', (_kind, flags, script, those) => {
  test.each<(typeof those)[number]>(those.slice(0, tier(1, 2)))(
    'gives a client of %s what it gives directly',
    async (_sdk, open) => {
      const [, behind = ''] = await startNode([programPath('stateful.mjs'), ...flags]).printed(
        /listens at (\S+)/,
      )
      const directly = await transcriptOf(open, { url: behind }, script)
      const { url, server } = await exposed(behind, world)
      expect(await transcriptOf(open, { url, fetch }, script)).toEqual(directly)
      expect(server.health()).toMatchObject({ calls_in_flight: 0 })
    },
  )
})

test('a server of the SDK reads who calls where it looks for what a client sends', async () => {
  const [, behind = ''] = await startNode([programPath('stateful.mjs')]).printed(/listens at (\S+)/)
  const { url } = await exposed(behind, world)
  await using peer = await clientV1({ url, fetch })
  const { caller, headers } = told<{ caller: unknown; headers: string[] }>(await peer.call('whoami', {}))
  expect(caller).toMatchObject({ id: 'cn:mcp-client', verified: true })
  const at = headers.findIndex((name) => name.toLowerCase() === 'x-client-identity')
  expect(headers[at + 1]).toBe('cn:mcp-client')
})
