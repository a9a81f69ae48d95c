import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { parseServerConfig } from '../../src/config/index.js'
import { GatedServer } from '../../src/server/gated-server.js'
import { root } from '../architecture/sources.js'
import { startNode } from '../support/cli.js'
import { portOf } from '../support/gated.js'
import { httpText, openWire } from '../support/wire.js'
import { makeWorld, type World } from '../support/world.js'

async function hooked({ tls }: World) {
  const config = parseServerConfig({ name: `hooked-${crypto.randomUUID()}`, tls })
  const told: string[] = []
  const server = new GatedServer({
    name: config.name,
    mode: 'strict',
    limits: config.limits,
    requestTimeout: 60_000,
    live: { log: false },
    upgrade: false,
    health: false,
    protocolVersions: () => [],
    path: '',
    at: () => config,
    mount: async () => ({
      drain: () => told.push('drain'),
      close: async () => void told.push('end'),
      counts: () => ({ lateMessages: 0, sessions: undefined }),
    }),
  })
  onTestFinished(() => server.mtls.close({ drainTimeout: 0 }))
  await once(server.listen(), 'listening')
  return { server, told, url: `https://localhost:${portOf(server)}/` }
}

test('who serves behind it hears at once that a close begins, and when the time to drain is over', async () => {
  await using world = await makeWorld()
  const { server, told, url } = await hooked(world)
  server.on('request', () => told.push('request'))
  const wire = await openWire(url, world.certDir)
  wire.socket.write(httpText('/'))
  await expect.poll(() => told).toEqual(['request'])
  const closed = server.mtls.close({ drainTimeout: 60_000 })
  expect(told).toEqual(['request', 'drain'])
  await server.mtls.close({ drainTimeout: 0 })
  await closed
  expect(told).toEqual(['request', 'drain', 'end'])
})

test('a request that comes by no connection of its own is dropped, not served', async () => {
  await using world = await makeWorld()
  const { server, told } = await hooked(world)
  server.on('request', () => told.push('request'))
  await server.mtls.close()
  let isDestroyed = false
  server.emit('request', {}, { destroy: () => (isDestroyed = true) })
  expect(isDestroyed).toBe(true)
  expect(told).toEqual(['drain', 'end'])
})

test.each(['before', 'after'])(
  'a server that keeps no process running, said %s it listens, ends with the rest',
  async (when) => {
    await using world = await makeWorld()
    const unref = 'server.unref()'
    const program = `
    import { once } from 'node:events'
    import { createMtlsServer } from 'mcp-mtls/server'
    const options = { name: 'unref', log: false, healthPort: 0, tls: { certDir: ${JSON.stringify(world.certDir)} } }
    const server = createMtlsServer(() => {}, options)
    ${when === 'before' ? unref : ''}
    await once(server.listen(0, 'localhost'), 'listening')
    ${when === 'after' ? unref : ''}
    console.log('listening')`
    const { finished } = startNode(['--input-type=module', '-e', program], { cwd: root })
    expect(await finished).toMatchObject({ exitCode: 0, stdout: 'listening\n' })
  },
)
