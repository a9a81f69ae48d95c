// What `perf-test` measures with, as the benches need it.
import { fileURLToPath } from 'node:url'
import { parseTlsConfig } from '../dist/config/index.js'
import { loadMaterial } from '../dist/tls/material/file-source.js'

/** @param {string} certDir */
export const place = (certDir) => ({
  program: fileURLToPath(new URL('../dist/bundle/mcp-mtls.js', import.meta.url)),
  certDir,
})

/** What our client shows and trusts. @param {string} certDir */
export async function clientContext(certDir) {
  const { context } = await loadMaterial(parseTlsConfig({ certDir }, 'client'), 'client')
  return context
}

export const { signal } = new AbortController()
export const silent = () => {}
