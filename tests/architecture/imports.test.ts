import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderOf, importsOf, readSources, root, target } from './sources.js'

/** Who may import whom, as CONTRIBUTING.md says; what is absent is forbidden. */
function readTable(): Record<string, readonly string[]> {
  const page = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8')
  const rows = [...page.matchAll(/^\| ([a-z0-9, ]+) \| ([a-z0-9 –]+) \|$/gm)].slice(1)
  return Object.fromEntries(
    rows.flatMap(([, folders = '', allowed = '']) =>
      folders.split(', ').map((folder) => [folder, allowed === '–' ? [] : allowed.split(' ')]),
    ),
  )
}

const table = readTable()
/** The command line may import all, and so may the list of public names. */
const free = ['cli', 'index']

const sources = readSources()

test('the reader sees every way to import', () => {
  const text = `import a, { type B } from './a.js'; import type { C } from './c.js'; export * from './d.js'
    export type { E } from './e.js'; await import('./f.js'); type G = import('./g.js').G`
  const found = importsOf('x.ts', text)
  expect(found).toEqual(['./a.js', './c.js', './d.js', './e.js', './f.js', './g.js'])
})

test('the table is read from CONTRIBUTING.md', () => {
  expect(Object.keys(table)).toHaveLength(24)
  expect(table).toMatchObject({ text: [], servers: ['errors', 'text', 'places', 'server'], cli: ['all'] })
})

test('every folder has a row in the table', () => {
  const folders = new Set(sources.map(({ folder }) => folder))
  expect([...folders].filter((folder) => !(folder in table) && !free.includes(folder))).toEqual([])
})

test('folders import only what the table allows', () => {
  const forbidden = sources.flatMap((source) =>
    source.imports
      .map((specifier) => target(source, specifier))
      .filter((path) => path !== undefined)
      .filter((path) => {
        const to = folderOf(path)
        return !free.includes(source.folder) && to !== source.folder && !table[source.folder]?.includes(to)
      })
      .map((path) => `${source.path} → ${path}`),
  )
  expect(forbidden).toEqual([])
})

test('relative imports name a file that exists', () => {
  const paths = new Set(sources.map(({ path }) => path))
  const dangling = sources.flatMap((source) =>
    source.imports
      .map((specifier) => target(source, specifier))
      .filter((path) => path !== undefined && !paths.has(path))
      .map((path) => `${source.path} → ${path}`),
  )
  expect(dangling).toEqual([])
})

test('no file imports itself, directly or through others', () => {
  const edges = new Map(
    sources.map((source) => [
      source.path,
      source.imports.map((specifier) => target(source, specifier)).filter((path) => path !== undefined),
    ]),
  )
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (path: string, trail: readonly string[]) => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '))
    if (done.has(path)) return
    done.add(path)
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path])
  }
  for (const path of edges.keys()) visit(path, [])
  expect(cycles).toEqual([])
})
