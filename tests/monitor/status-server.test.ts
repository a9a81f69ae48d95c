import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { Monitor } from '../../src/monitor/monitor.js'
import { createStatusServer } from '../../src/monitor/status-server.js'
import { forge } from '../support/forge.js'
import { freePort } from '../support/free-port.js'
import { makeWorld, serveTest, type World } from '../support/world.js'

async function statusOf(world: World, port: number, patienceMs = 60_000) {
  const monitor = new Monitor({
    servers: [
      { name: 'test', url: new URL(`https://localhost:${port}/mcp`), tls: world.tls, timeoutMs: 5000 },
    ],
    paths: [world.certDir],
    checking: { withinDays: 30 },
    intervalMs: 1000,
  })
  const server = createStatusServer({ monitor, version: '1.2.3', patienceMs }).listen(0, '127.0.0.1')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  await once(server, 'listening')
  const at = (server.address() as AddressInfo).port
  const open = async (path: string, headers: IncomingHttpHeaders = {}, method = 'GET') => {
    const call = request({ host: '127.0.0.1', port: at, path, method, headers, agent: false }).end()
    const [response] = (await once(call, 'response')) as [IncomingMessage]
    return response
  }
  const get = async (path: string, headers: IncomingHttpHeaders = {}, method = 'GET') => {
    const response = await open(path, headers, method)
    return { status: response.statusCode, headers: response.headers, body: await text(response) }
  }
  return { monitor, port: at, get, open }
}

test('it is for this machine alone: other names, other origins and other methods are refused', async () => {
  await using world = await makeWorld()
  const { get, port } = await statusOf(world, await freePort())
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, '[::1]'])
    expect(await get('/', { host })).toMatchObject({ status: 200 })
  for (const host of ['evil.example', 'localhost.evil.example', 'evil@localhost', `localhost:${port}.evil`])
    expect(await get('/status.json', { host })).toMatchObject({ status: 403, body: '' })
  const host = `localhost:${port}`
  expect(await get('/updates', { host, origin: 'https://evil.example' })).toMatchObject({ status: 403 })
  expect(await get('/health', { host, origin: `http://${host}` })).toMatchObject({ status: 200 })
  expect(await get('/', {}, 'POST')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } })
  for (const path of ['/no', '/__proto__', '/../package.json', '/constructor'])
    expect(await get(path)).toMatchObject({ status: 404 })
})

test('the page allows nothing inline and nothing from elsewhere, and needs neither', async () => {
  await using world = await makeWorld()
  const { get } = await statusOf(world, await freePort())
  const { headers, body } = await get('/')
  const files = await readdir(new URL('../../src/monitor/page/', import.meta.url))
  expect(headers['content-security-policy']).toMatch(
    /^default-src 'none'; script-src 'self'; style-src 'self'/,
  )
  expect(headers['content-security-policy']).not.toContain('unsafe')
  expect(headers['x-content-type-options']).toBe('nosniff')
  expect(body).not.toMatch(/<script(?![^>]* src=)|<style|style=|\son\w+=|https?:\/\//)
  for (const [path, type] of [
    ['/page.js', 'text/javascript'],
    ['/page.css', 'text/css'],
    ['/icon.svg', 'image/svg+xml'],
  ] as const)
    expect((await get(path)).headers['content-type']).toContain(type)
  const named = Array.from(body.matchAll(/(?:href|src)="\/(.+?\.(?:css|js|svg))"/g), ([, name = '']) => name)
  expect(files).toEqual(expect.arrayContaining(named))
  const scripts = files.filter((name) => name.endsWith('.js'))
  expect(scripts).toContain('page.js')
  for (const name of scripts) {
    const { status, body: script } = await get(`/${name}`)
    expect(status).toBe(200)
    expect(script).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/)
    for (const [, imported] of script.matchAll(/^import .* from '\.\/(.+)'$/gm))
      expect(files).toContain(imported)
  }
})

test('pages that are open hear of each look; there are not more of them than it can bear', async () => {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls })
  const { get, open, monitor } = await statusOf(world, served.server.port)
  const page = await open('/updates')
  expect(page.headers['content-type']).toBe('text/event-stream')
  let heard = ''
  page.setEncoding('utf8').on('data', (chunk) => (heard += chunk))
  await monitor.lookOnce()
  await expect.poll(() => heard).toContain('"state":"up"')
  const others = await Promise.all(Array.from({ length: 31 }, () => open('/updates')))
  expect(await get('/updates')).toMatchObject({ status: 503 })
  for (const other of [page, ...others]) other.destroy()
  await expect
    .poll(async () => {
      const again = await open('/updates')
      again.destroy()
      return again.statusCode
    })
    .toBe(200)
})

test('metrics tell of servers and certificates, also when their names are hostile', async () => {
  await using usual = await makeWorld()
  const client = await forge({ usage: 'client', commonName: 'a"} 1\nevil{x="' })
  await using world = await makeWorld({ client })
  await using served = await serveTest({ tls: usual.tls })
  const { get, monitor } = await statusOf(usual, served.server.port)
  await monitor.lookOnce()
  const { body } = await get('/metrics')
  expect(body).toMatch(/^mcp_mtls_monitor_server_up\{name="test"\} 1$/m)
  expect(body).toMatch(/^mcp_mtls_monitor_server_state\{name="test",state="up"\} 1$/m)
  expect(body).toMatch(/^mcp_mtls_monitor_server_latency_seconds\{name="test"\} 0\.\d+$/m)
  expect(body).toMatch(/^mcp_mtls_monitor_certificates\{level="ok"\} 3$/m)
  const hostile = await statusOf(world, served.server.port)
  await hostile.monitor.lookOnce()
  const names = (await hostile.get('/metrics')).body.split('\n').filter((line) => line && !/^#/.test(line))
  expect(names.filter((line) => !line.startsWith('mcp_mtls_monitor_'))).toEqual([])
})

test('its own health says how many servers are how, and when it no longer looks', async () => {
  await using world = await makeWorld()
  const { get, monitor } = await statusOf(world, await freePort())
  await monitor.lookOnce()
  const { status, body } = await get('/health')
  expect({ status, body: JSON.parse(body) }).toMatchObject({
    status: 200,
    body: {
      status: 'ok',
      version: '1.2.3',
      level: 'critical',
      servers: { up: 0, unreachable: 1 },
      certificates: 3,
    },
  })
  const hanging = await statusOf(world, await freePort(), 0)
  expect(await hanging.get('/health')).toMatchObject({ status: 503 })
})
