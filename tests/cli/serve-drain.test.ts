import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { certificateDirectory } from '../support/certificates.js'
import { startCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

/** A weather server with a call in flight: `held` is the answer of Open-Meteo it waits for. */
async function serverWithCallInFlight() {
  const openMeteo = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => openMeteo.close().closeAllConnections())
  await once(openMeteo, 'listening')
  const { port } = openMeteo.address() as AddressInfo

  const certDir = await certificateDirectory()
  const env = { WEATHER_PROVIDER: 'open-meteo', OPEN_METEO_URL: `http://127.0.0.1:${port}` }
  const running = startCli(['serve', 'weather', '--tls-port', '0', '--cert-dir', certDir], {
    cwd: scratch(),
    env,
  })
  const [serverUrl] = await running.printed(/https:\/\/localhost:\d+\/mcp/)

  const client = await connect({ serverUrl, tls: { certDir }, retryAttempts: 0, log: false })
  onTestFinished(() => client.close())
  const call = client.callTool({ name: 'getTemperature', arguments: { city: 'Oslo' } })
  const held: ServerResponse = (await once(openMeteo, 'request'))[1]
  return { ...running, client, call, held }
}

test('a signal lets the call in flight finish, and then ends with 0', async () => {
  const { process, call, held, finished } = await serverWithCallInFlight()
  process.kill('SIGTERM')
  held.writeHead(500).end()
  expect(await call).toMatchObject({ isError: true })
  expect((await finished).exitCode).toBe(0)
})

test('a second signal ends at once', async () => {
  const { process, call, finished, printed } = await serverWithCallInFlight()
  const failed = expect(call).rejects.toMatchObject({ code: expect.any(String) })
  process.kill('SIGTERM')
  await printed(/draining/)
  process.kill('SIGTERM')
  await failed
  expect((await finished).exitCode).toBe(0)
})

test('SIGHUP ends nothing: the files are taken up as they are now', async () => {
  const certDir = await certificateDirectory()
  const { process, printed, finished } = startCli(
    ['serve', 'echo', '--tls-port', '0', '--cert-dir', certDir],
    { cwd: scratch() },
  )
  await printed(/mcp {2}strict/)
  await writeFile(join(certDir, 'server.key'), 'no key')
  process.kill('SIGHUP')
  await printed(/RELOAD_FAILED.*server\.key/)
  process.kill('SIGTERM')
  expect((await finished).exitCode).toBe(0)
})
