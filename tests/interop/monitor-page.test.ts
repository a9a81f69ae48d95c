import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { serve } from '../../src/server/index.js'
import { builtInServers } from '../../src/servers/index.js'
import { callAsBareClient } from '../support/bare-peers.js'
import { startCli } from '../support/cli.js'
import { type Forged, forge, forgeCa } from '../support/forge.js'
import { scratch } from '../support/scratch.js'
import { describeWith } from '../support/tools.js'
import { chromium, executablePath, flags } from './chromium.js'
import { type ThreeServers, threeServers } from './three-servers.js'

// MONITOR_SCREENSHOTS names a folder for pictures of the page, for people who work on it.
const pictures = process.env.MONITOR_SCREENSHOTS

const day = 86_400_000
const hostile = '<script>window.taken = 1</script><img src=x onerror="window.taken = 1">\u202e'

describeWith('Chromium', executablePath !== '', 'the page of the monitor in Chromium', () => {
  test('the page shows within seconds what happens to servers, certificates and strangers', async () => {
    await using three = await threeServers()
    const { world, servers } = three
    const watched = scratch()
    const { url, finished, process: monitor } = await startMonitor(three, watched)
    const browser = await chromium.launch({ executablePath, args: flags })
    onTestFinished(() => browser.close())
    const { page, asked, complaints } = await open(browser, url, { colorScheme: 'light', width: 1200 })
    const card = (name: string) => page.locator('.card', { has: page.locator('h3', { hasText: name }) })
    const events = page.locator('.event')

    for (const name of ['weather', 'datetime', 'echo']) await sees(card(name).locator('.pill'), /up/)
    await sees(card('weather'), /TLS 1\.3/)
    await sees(card('weather'), /dns:localhost/)
    await sees(page.locator('h1'), /All is well/)
    expect(await page.title()).toContain('All is well')

    // A server goes and comes back.
    const { port } = servers.echo
    await servers.echo.close({ drainTimeout: 0 })
    await sees(card('echo').locator('.pill'), /unreachable/)
    await sees(card('echo'), /Check that the server runs/)
    await sees(page.locator('h1'), /echo is unreachable/)
    const again = await serve(builtInServers.echo.create({ weatherProvider: 'simulated' }), {
      name: `echo-${crypto.randomUUID()}`,
      tlsPort: port,
      tls: world.tls,
      log: false,
      policy: { mode: 'report', rules: [{ allow: ['anyone'], tools: ['*'] }] },
      auditLog: () => {},
    })
    onTestFinished(() => again.close({ drainTimeout: 0 }))
    await sees(card('echo').locator('.pill'), /up/)
    await sees(events, /echo cannot be reached/)
    await sees(events, /echo is up/)
    await sees(card('echo'), /1 rule, reports only/)
    await sees(card('echo'), /Record\s*written/)

    // A certificate that ends in five days, and whose name would like to be a script.
    await plant(watched, world.ca)
    const life = page.locator('.life', { hasText: 'window.taken' })
    await sees(life.locator('.left'), /4 days/)
    await sees(life.locator('.todo'), /cert-renew/)
    await sees(life.locator('h3'), /script.*\/script.*img src=x.*\\e2\\80\\ae/)
    expect(await life.getAttribute('data-level')).toBe('warning')
    expect(await page.evaluate('window.taken')).toBeUndefined()

    // A stranger.
    const stranger = await forge({ issuer: await forgeCa({ commonName: 'Other CA' }), usage: 'client' })
    expect((await callAsBareClient(servers.weather.port, { shown: stranger })).status).toBe(403)
    await sees(events, /weather refused a stranger: CLIENT_CERT_REJECTED/)
    await sees(card('weather'), /1 × CLIENT_CERT_REJECTED/)

    await picture(page, 'light')
    await usableByKeyboard(page)
    const dark = await open(browser, url, { colorScheme: 'dark', width: 1200 })
    const background = 'getComputedStyle(document.body).backgroundColor'
    expect(await dark.page.evaluate(background)).not.toBe(await page.evaluate(background))
    await sees(dark.page.locator('.life'), /window\.taken/)
    await picture(dark.page, 'dark')
    const phone = await open(browser, url, { colorScheme: 'light', width: 390 })
    await sees(phone.page.locator('.life'), /window\.taken/)
    expect(await phone.page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    await picture(phone.page, 'phone')

    // Nobody else was asked for anything, nothing was refused by the page's own policy, and no key was told.
    for (const other of [page, dark.page, phone.page])
      expect(await other.evaluate('window.taken')).toBeUndefined()
    expect([...asked, ...dark.asked, ...phone.asked].filter((to) => !to.startsWith(url))).toEqual([])
    expect([...complaints, ...dark.complaints, ...phone.complaints]).toEqual([])
    expect(await page.content()).not.toMatch(/PRIVATE KEY/)

    monitor.kill('SIGTERM')
    await sees(page.locator('#link'), /connection lost/)
    expect((await finished).exitCode).toBe(0)
  }, 60_000)
})

/** `monitor` over these servers, the certificates of their world, and one more directory. */
async function startMonitor({ world, servers }: ThreeServers, watched: string) {
  const config = join(scratch(), 'servers.json')
  const entries = Object.entries(servers).map(([name, { url }]) => [name, { url }])
  await writeFile(config, JSON.stringify({ mcpServers: Object.fromEntries(entries) }))
  await writeFile(join(watched, 'ca.crt'), world.ca.cert)
  const options = ['--config', config, '--cert-dir', world.certDir, '--watch-dir', watched]
  const running = startCli(['monitor', ...options, '--port', '0', '--interval', '500ms'])
  const [, url = ''] = await running.printed(/^status page: (\S+)$/m)
  return { ...running, url }
}

async function plant(directory: string, issuer: Forged): Promise<void> {
  const { cert } = await forge({
    issuer,
    usage: 'client',
    commonName: hostile,
    notBefore: new Date(Date.now() - 90 * day),
    notAfter: new Date(Date.now() + 4.9 * day),
  })
  await writeFile(join(directory, 'planted.crt'), cert)
}

async function open(
  browser: Browser,
  url: string,
  { colorScheme, width }: { readonly colorScheme: 'light' | 'dark'; readonly width: number },
) {
  const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } })
  const asked: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => asked.push(request.url()))
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  await page.goto(url)
  return { page, asked, complaints }
}

/** Waits until one of these has this text. */
async function sees(locator: ReturnType<Page['locator']>, text: RegExp): Promise<void> {
  await locator.filter({ hasText: text }).first().waitFor({ timeout: 10_000 })
}

/** The first key leads past the navigation, and the details of a certificate open by Enter. */
async function usableByKeyboard(page: Page): Promise<void> {
  const focused = 'document.activeElement.className + " " + document.activeElement.id'
  await page.keyboard.press('Tab')
  expect(await page.evaluate(focused)).toContain('skip')
  await page.keyboard.press('Enter')
  expect(await page.evaluate(focused)).toContain('servers')
  await page.keyboard.press('Tab')
  expect(await page.evaluate('document.activeElement.localName')).toBe('summary')
  await page.keyboard.press('Enter')
  expect(await page.locator('.life details[open]').count()).toBe(1)
  expect(
    await page.evaluate('getComputedStyle(document.activeElement).outlineStyle'),
    'what has the focus is seen',
  ).toBe('solid')
}

async function picture(page: Page, name: string): Promise<void> {
  if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true })
}
