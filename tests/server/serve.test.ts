import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { makeWorld, serveTest } from '../support/world.js'

const run = promisify(execFile)

describe('serve', () => {
  test('curl with a client certificate gets the health of the server', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: { certDir: world.certDir } })
    const file = (name: string) => join(world.certDir, name)
    const url = served.server.url.replace('/mcp', '/health')
    const { stdout } = await run('curl', [
      '-sS',
      '--cacert',
      file('ca.crt'),
      '--cert',
      file('client.crt'),
      '--key',
      file('client.key'),
      url,
    ])
    expect(JSON.parse(stdout)).toMatchObject({
      status: 'ok',
      mode: 'strict',
      connections: 1,
      last_reload: null,
      problems: [],
    })
  })

  test('curl without a certificate gets a 403 with the reason', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: { certDir: world.certDir } })
    const { stdout } = await run('curl', [
      '-sS',
      '-i',
      '--cacert',
      join(world.certDir, 'ca.crt'),
      served.server.url.replace('/mcp', '/health'),
    ])
    expect(stdout).toMatch(/^HTTP\/1.1 403 Refused: no client certificate \(CLIENT_CERT_REQUIRED\)/)
    expect(stdout).toContain('"reason":"CLIENT_CERT_REQUIRED"')
    expect((await served.event('connection-refused')).reason).toBe('CLIENT_CERT_REQUIRED')
  })
})
