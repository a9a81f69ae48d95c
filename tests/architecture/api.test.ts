import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from './sources.js'

interface Entry {
  readonly page: string
  readonly subpath: string
}

const script: {
  readonly entries: readonly Entry[]
  readonly apiReport: (entry: Entry) => { readonly page: string; readonly missing: readonly string[] }
} = await import(new URL('../../scripts/api-report.mjs', import.meta.url).href)

test('each subpath with types has a page', () => {
  const pages = script.entries.map(({ subpath, page }) => `${subpath} ${page}`)
  expect(pages).toEqual([
    'mcp-mtls docs/api/root.md',
    'mcp-mtls/server docs/api/server.md',
    'mcp-mtls/expose docs/api/expose.md',
    'mcp-mtls/client docs/api/client.md',
    'mcp-mtls/bridge docs/api/bridge.md',
    'mcp-mtls/pki docs/api/pki.md',
  ])
})

test.each(script.entries)('$page shows what is built; `npm run api` writes it', (entry) => {
  expect(script.apiReport(entry).page).toBe(readFileSync(join(root, entry.page), 'utf8'))
})

test.each(script.entries)(
  'every type that a signature of $subpath names can be imported from it',
  (entry) => {
    expect(script.apiReport(entry).missing).toEqual([])
  },
)
