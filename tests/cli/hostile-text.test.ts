import { expect, test } from 'vitest'
import { runCli } from '../support/cli.js'
import { foreignServer } from '../support/foreign-server.js'
import { makeWorld } from '../support/world.js'

const hostile = `\u001b[2J\nFORGED LINE\r\u2028${'A'.repeat(2_000_000)}`

test.each([
  ['the text of an error', 400, 'text/plain', hostile],
  ['a page', 500, 'text/html', hostile],
  [
    'a JSON-RPC error',
    200,
    'application/json',
    JSON.stringify({ jsonrpc: '2.0', id: 0, error: { code: -32000, message: hostile, data: hostile } }),
  ],
  [
    'the name and the revision of a server',
    200,
    'application/json',
    JSON.stringify({
      jsonrpc: '2.0',
      id: 0,
      result: { protocolVersion: hostile, capabilities: {}, serverInfo: { name: hostile, version: hostile } },
    }),
  ],
])('%s is cut, and stays in its line', async (_what, status, type, body) => {
  await using world = await makeWorld()
  await using foreign = await foreignServer(world.server, (_request, response, asked) => {
    const id = /"id":(\d+|"[^"]*")/.exec(asked)?.[1] ?? '0'
    response.writeHead(status, { 'content-type': type }).end(body.replace('"id":0', `"id":${id}`))
  })
  const { url } = foreign
  for (const args of [
    ['ask', 'echo hi', '--echo-url', url],
    ['test-tls', url],
    ['call', url, 'echo', 'text=hi'],
    ['tools', url],
    ['resources', url, 'a:b'],
    ['prompts', url],
  ]) {
    const { stdout, stderr } = await runCli([...args, '--cert-dir', world.certDir], { cwd: world.certDir })
    expect((stdout + stderr).length).toBeLessThan(8000)
    expect(stdout + stderr).not.toMatch(/^FORGED|[\p{Cf}\u2028]/mu)
    expect((stdout + stderr).replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
  }
})
