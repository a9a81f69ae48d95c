import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { kept } from '../suite/kept.mjs'
import { page } from './page.mjs'
import { plots } from './plots.mjs'

const docs = new URL('../../docs/', import.meta.url)

/** Every file of the report: its path in docs/, and its text. */
function files() {
  const result = kept()
  const drawn = Object.entries(plots(result)).map(([name, text]) => ({ path: `performance/${name}`, text }))
  return [{ path: 'performance.md', text: page(result) }, ...drawn]
}

/** Writes docs/performance.md and its plots from bench/results/latest.json. */
export function writeReport() {
  rmSync(new URL('performance/', docs), { recursive: true, force: true })
  mkdirSync(new URL('performance/', docs))
  for (const { path, text } of files()) writeFileSync(new URL(path, docs), text)
}

/** Files that are not what the result makes of them. */
export function outdated() {
  const isAsMade = (/** @type {string} */ path, /** @type {string} */ text) => {
    try {
      return readFileSync(new URL(path, docs), 'utf8') === text
    } catch {
      return false
    }
  }
  return files().flatMap(({ path, text }) => (isAsMade(path, text) ? [] : [path]))
}
