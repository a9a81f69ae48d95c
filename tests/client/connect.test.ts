import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { connect, type MtlsError } from '../../src/client/index.js'
import { forge, forgeCa } from '../support/forge.js'
import { makeWorld, serveTest } from '../support/world.js'

describe('connect', () => {
  test('calls a tool over mutual TLS and tells what was negotiated', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: { certDir: world.certDir } })
    await using client = await connect({
      serverUrl: served.server.url,
      tls: { certDir: world.certDir },
      log: false,
    })
    const result = await client.callTool({ name: 'echo', arguments: { text: 'hello' } })
    expect(result.content).toEqual([{ type: 'text', text: 'hello' }])
    expect(client.connection()).toMatchObject({
      state: 'verified',
      verified: true,
      tlsVersion: 'TLSv1.3',
      peer: { id: 'dns:localhost' },
    })
    expect(client.pool()).toMatchObject({ max: 64, active: 0, idle: 1, total: 1 })
    expect(client.getNegotiatedProtocolVersion()).toBe('2026-07-28')
  })

  test('writes nothing to the stderr of the application, unless the log is asked for', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: { certDir: world.certDir } })
    const stderrWith = async (log: string) => {
      const options = `serverUrl: '${served.server.url}', tls: { certDir: '${world.certDir}' }${log}`
      const program = `import { connect } from 'mcp-mtls'; await (await connect({ ${options} })).close()`
      const { stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program])
      return stderr
    }
    expect(await stderrWith('')).toBe('')
    expect(await stderrWith(", log: { level: 'info' }")).toContain('connection-accepted')
  })

  test('the tool sees the identity of the caller', async () => {
    await using world = await makeWorld()
    await using served = await serveTest({ tls: { certDir: world.certDir } })
    await using client = await connect({
      serverUrl: served.server.url,
      tls: { certDir: world.certDir },
      log: false,
    })
    const { content } = await client.callTool({ name: 'who', arguments: {} })
    const [first] = content as { text: string }[]
    expect(JSON.parse(first?.text ?? '')).toMatchObject({
      id: 'cn:mcp-client',
      verified: true,
      tls: { version: 'TLSv1.3' },
    })
  })

  test('a refused client gets the reason as the code of the error', async () => {
    const other = await forgeCa({ commonName: 'Other CA' })
    const client = await forge({ issuer: other, usage: 'client', commonName: 'stranger' })
    await using world = await makeWorld({ client })
    await using served = await serveTest({ tls: { certDir: world.certDir } })
    const refused = connect({ serverUrl: served.server.url, tls: { certDir: world.certDir }, log: false })
    await expect(refused).rejects.toMatchObject({ code: 'CLIENT_CERT_REJECTED' } satisfies Partial<MtlsError>)
  })

  test('a server of another CA is refused before any request', async () => {
    const other = await forgeCa({ commonName: 'Other CA' })
    const server = await forge({ issuer: other, usage: 'server' })
    await using world = await makeWorld({ server })
    await using served = await serveTest({ tls: { certDir: world.certDir } })
    const refused = connect({ serverUrl: served.server.url, tls: { certDir: world.certDir }, log: false })
    await expect(refused).rejects.toMatchObject({ code: 'SERVER_CERT_INVALID' } satisfies Partial<MtlsError>)
  })

  test('a port where nobody listens is CONNECTION_FAILED after the retries', async () => {
    await using world = await makeWorld()
    const served = await serveTest({ tls: { certDir: world.certDir } })
    await served.server.close()
    const failed = connect({
      serverUrl: `https://localhost:1/mcp`,
      retryAttempts: 1,
      tls: { certDir: world.certDir },
      log: false,
    })
    await expect(failed).rejects.toMatchObject({ code: 'CONNECTION_FAILED' } satisfies Partial<MtlsError>)
  })
})
