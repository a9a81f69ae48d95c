import { expect, test } from 'vitest'
import { certificateDirectory } from '../support/certificates.js'
import { startNode } from '../support/cli.js'
import { freePort } from '../support/free-port.js'
import { scratch } from '../support/scratch.js'
import { loadedBy } from './loaded.js'
import { root } from './sources.js'

const heavy = ['undici', 'pino', 'prom-client', '@modelcontextprotocol']

/** Which of the heavy packages a program loads. */
async function loads(program: string): Promise<string[]> {
  const coverage = scratch()
  const env = { NODE_V8_COVERAGE: coverage }
  const { process, finished } = startNode(['--input-type=module', '-e', program], { cwd: root, env })
  const { exitCode, stderr } = await finished
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  const loaded = loadedBy(process.pid, coverage)
  expect(loaded.some((url) => url.includes('/node_modules/zod/'))).toBe(true)
  return heavy.filter((name) => loaded.some((url) => url.includes(`/node_modules/${name}/`)))
}

test.each(['mcp-mtls', 'mcp-mtls/server', 'mcp-mtls/client', 'mcp-mtls/expose', 'mcp-mtls/bridge'])(
  'importing %s loads nothing that is only needed to serve, to call or to make certificates',
  async (name) => {
    expect(await loads(`await import('${name}')`)).toEqual([])
  },
)

test('a server for a listener loads nothing heavy until it listens', async () => {
  const certDir = await certificateDirectory()
  const made = `import { createMtlsServer } from 'mcp-mtls/server'
    const server = createMtlsServer(() => {}, { name: 'late', log: false, tls: { certDir: '${certDir}' } })`
  expect(await loads(made)).toEqual([])
  expect(await loads(`${made}; server.listen(() => server.close())`)).toEqual([
    'prom-client',
    '@modelcontextprotocol',
  ])
})

test('a fetch loads what makes connections with the first of them', async () => {
  const certDir = await certificateDirectory()
  const made = `import { mtlsFetch } from 'mcp-mtls'; const fetch = mtlsFetch({ certDir: '${certDir}' })`
  expect(await loads(made)).toEqual([])
  const url = `https://localhost:${await freePort()}/`
  const used = `await fetch('${url}').catch(() => {}); await fetch.close()`
  expect(await loads(`${made}; ${used}`)).toEqual(['undici', '@modelcontextprotocol'])
})

test('a client without a log does not load that of a log, nor metrics', async () => {
  const options = { serverUrl: `http://localhost:${await freePort()}/mcp`, useTls: false, retryAttempts: 0 }
  const program = (log: string) =>
    `import { connect } from 'mcp-mtls'; await connect({ ...${JSON.stringify(options)}, log: ${log} }).catch(() => {})`
  expect(await loads(program('false'))).not.toContain('pino')
  expect(await loads(program('{}'))).toContain('pino')
  expect(await loads(program('{}'))).not.toContain('prom-client')
})
