import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Page } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { perfPage } from '../../src/perf/page/page.js'
import { runCli } from '../support/cli.js'
import { sampleResult } from '../support/perf-figures.js'
import { scratch } from '../support/scratch.js'
import { describeWith } from '../support/tools.js'
import { makeWorld, serveTest } from '../support/world.js'
import { chromium, executablePath, flags } from './chromium.js'

/** The report in a browser with a profile of its own; whatever it asks of a network or complains about is collected. */
async function opened(file: string, look: { width: number; colorScheme: 'light' | 'dark' }) {
  const context = await chromium.launchPersistentContext(scratch(), {
    executablePath,
    args: ['--headless', ...flags],
    colorScheme: look.colorScheme,
    viewport: { width: look.width, height: 800 },
  })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  const asked: string[] = []
  const complaints: string[] = []
  page.on('request', (request) => void asked.push(request.url()))
  page.on('console', (message) => void complaints.push(message.text()))
  page.on('pageerror', (error) => void complaints.push(error.message))
  await page.goto(pathToFileURL(file).href)
  await page.waitForSelector('.plot canvas')
  return { page, asked, complaints }
}

/** Of each plot: how many of its pixels were drawn. */
const drawnPixels = (page: Page) =>
  page.$$eval('.plot canvas', (canvases) =>
    canvases.map((canvas) => {
      const { width, height } = canvas as unknown as { width: number; height: number }
      const drawing = (canvas as unknown as { getContext(kind: '2d'): Drawing }).getContext('2d')
      return drawing
        .getImageData(0, 0, width, height)
        .data.filter((value, index) => index % 4 === 3 && value > 0).length
    }),
  )
interface Drawing {
  getImageData(x: number, y: number, width: number, height: number): { data: Uint8ClampedArray }
}

describeWith('Chromium', executablePath !== '', 'the report of perf-test in Chromium', () => {
  test('shows what was measured, in plots and tables, and asks no network for anything', async () => {
    await using world = await makeWorld()
    await using plain = await serveTest({ tlsEnabled: false, httpPort: 0 })
    await using secured = await serveTest({ tls: world.tls })
    const cwd = scratch()
    const flags = ['--duration', '1s', '--concurrency', '1,2', '--report', 'cost.html']
    const servers = ['--http-url', plain.server.url, '--mtls-url', secured.server.url]
    const run = ['perf-test', ...flags, ...servers, '--cert-dir', world.certDir]
    const { exitCode, stderr } = await runCli(run, { cwd })
    expect(exitCode, stderr).toBe(0)
    expect(stderr).toContain('report: cost.html')
    const file = join(cwd, 'cost.html')
    const { page, asked, complaints } = await opened(file, { width: 1280, colorScheme: 'light' })

    expect(await page.title()).toBe('What mTLS costs')
    expect(await page.$$eval('figure h3', (titles) => titles.map(({ textContent }) => textContent))).toEqual([
      'Latency, 1 in flight',
      'Latency, 2 in flight',
      'Throughput by concurrency',
      'Handshake cost',
    ])
    expect(await page.locator('.card').count()).toBe(4)
    const text = await page.innerText('main')
    expect(text).toContain(`Node ${process.versions.node}`)
    expect(text).toMatch(/mTLS, full handshake\s+\d+\.\d\d\s/)
    expect(text).toContain(secured.server.url)
    expect(Math.min(...(await drawnPixels(page)))).toBeGreaterThan(1000)

    const screenshot = join(cwd, 'cost.png')
    await page.screenshot({ path: screenshot, fullPage: true })
    expect(readFileSync(screenshot).subarray(1, 4).toString()).toBe('PNG')
    expect(statSync(screenshot).size).toBeGreaterThan(20_000)
    expect(asked).toEqual([pathToFileURL(file).href])
    expect(complaints).toEqual([])
  })

  test('fits a phone, in the dark, and draws nothing of what a server calls itself', async () => {
    const file = join(scratch(), 'cost.html')
    writeFileSync(file, await perfPage(sampleResult({ call: '<b id="strange">tool</b>' })))
    const { page, complaints } = await opened(file, { width: 390, colorScheme: 'dark' })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe('rgb(13, 17, 23)')
    expect(await page.locator('#strange').count()).toBe(0)
    expect(await page.innerText('main')).toContain('<b id="strange">tool</b>')

    expect(await page.locator('.plot canvas').count()).toBe(5)
    expect(await page.innerText('main')).toContain('Memory of an idle connection: 56 kB with mTLS')
    await page.emulateMedia({ colorScheme: 'light' })
    await page.setViewportSize({ width: 800, height: 800 })
    await expect
      .poll(() => page.evaluate('document.querySelector(".plot canvas").width'))
      .toBeGreaterThan(390)
    expect(await page.locator('.plot canvas').count()).toBe(5)
    expect(complaints).toEqual([])
  })
})
