import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { tryOut } from '../../src/desktop/try-out.js'
import { patience } from '../support/patience.js'

const program = fileURLToPath(new URL('programs/mcp-mtls.js', import.meta.url))
const launch = (host: string, env = {}) => ({
  command: process.execPath,
  args: [program, 'bridge', `https://${host}/mcp`],
  env,
})

test.each([
  ['usual', ['getTemperature', 'getForecast']],
  ['two-pages', ['one', 'two']],
  ['no-tools', []],
])('%s: its tools are listed', async (host, tools) => {
  const timeoutMs = await patience()
  expect(await tryOut(launch(host), { timeoutMs })).toEqual({ server: 'far-away', version: '1.2.3', tools })
})

test('it gets the variables of its entry, and of ours those alone that every program gets', async () => {
  process.env.TLS_KEY_PASSPHRASE = 'not for it'
  const timeoutMs = await patience()
  const { tools } = await tryOut(launch('tells', { TLS_KEY_PASSPHRASE_FILE: '/secret' }), { timeoutMs })
  delete process.env.TLS_KEY_PASSPHRASE
  expect(tools).toContain('PATH')
  expect(tools.filter((name) => name.startsWith('TLS_'))).toEqual(['TLS_KEY_PASSPHRASE_FILE'])
})

test('one that says nothing is given up', async () => {
  await expect(tryOut(launch('silent'), { timeoutMs: 300 })).rejects.toMatchObject({
    code: 'CLIENT_CONFIG_FAILED',
    message: expect.stringContaining('did not list its tools: no answer within'),
  })
})

test('one that ends has its last words told', async () => {
  await expect(tryOut(launch('broken'), { timeoutMs: await patience() })).rejects.toMatchObject({
    code: 'CLIENT_CONFIG_FAILED',
    message: expect.stringMatching(/Connection closed[\s\S]*CERT_NOT_FOUND: .*client\.crt does not exist/),
    hint: expect.stringContaining('mcp-mtls test-tls'),
  })
})

test('one whose program has moved', async () => {
  const gone = { ...launch('usual'), command: '/nowhere/node' }
  await expect(tryOut(gone, { timeoutMs: await patience() })).rejects.toMatchObject({
    code: 'CLIENT_CONFIG_FAILED',
    message: '/nowhere/node could not be started (ENOENT)',
    hint: expect.stringContaining('--install'),
  })
})

test('a signal ends it', async () => {
  const controller = new AbortController()
  const trying = tryOut(launch('silent'), { timeoutMs: await patience(), signal: controller.signal })
  controller.abort()
  await expect(trying).rejects.toThrow()
})
