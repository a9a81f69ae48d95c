import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { askedMethods } from '../../src/config/handler-methods.js'
import { parseClientConfig } from '../../src/config/index.js'
import { root } from '../architecture/sources.js'

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const page = read('docs/connecting.md')

test('the options that its examples give are those of connect', () => {
  const options = read('docs/api/client.md')
  const names = [...page.matchAll(/^ {2}(\w+):/gm)].map(([, name]) => name)
  expect(new Set(names).size).toBeGreaterThanOrEqual(6)
  for (const name of names) expect(options, name).toMatch(new RegExp(`readonly ${name}\\??:`))
})

test('the questions and the defaults are those that there are', () => {
  for (const method of askedMethods) expect(page).toContain(`\`${method}\``)
  const { reconnection } = parseClientConfig({ serverUrl: 'http://localhost:1/mcp', useTls: false })
  expect(page).toContain(
    `${reconnection.initialReconnectionDelay} ms, ${reconnection.maxReconnectionDelay} ms, \`reconnectionDelayGrowFactor\` ${reconnection.reconnectionDelayGrowFactor}, ${reconnection.maxRetries} tries`,
  )
})
