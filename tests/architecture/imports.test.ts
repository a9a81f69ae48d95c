import { expect, test } from 'vitest'
import { folderOf, importsOf, readSources, target } from './sources.js'

// Who may import whom; what is absent is forbidden. `index` is the list of public names.
const table: Readonly<Record<string, readonly string[]>> = {
  errors: [],
  config: ['errors'],
  places: ['errors'],
  x509: ['errors'],
  auth: ['errors', 'x509'],
  pki: ['errors', 'x509'],
  tls: ['errors', 'config', 'x509', 'auth'],
  server: ['errors', 'config', 'auth', 'tls'],
  client: ['errors', 'config', 'auth', 'tls'],
  servers: ['errors', 'places', 'server'],
  coordinator: ['errors', 'places', 'client'],
  bridge: ['errors', 'config', 'server', 'client'],
  probe: ['errors', 'config', 'x509', 'tls', 'client', 'pki'],
  monitor: ['errors', 'config', 'x509', 'pki', 'probe'],
  index: ['errors', 'config', 'x509', 'auth', 'pki', 'tls', 'server', 'client'],
}
/** The command line may import all. */
const free = ['cli']

const sources = readSources()

test('the reader sees every way to import', () => {
  const text = `import a, { type B } from './a.js'; import type { C } from './c.js'; export * from './d.js'
    export type { E } from './e.js'; await import('./f.js'); type G = import('./g.js').G`
  const found = importsOf('x.ts', text)
  expect(found).toEqual(['./a.js', './c.js', './d.js', './e.js', './f.js', './g.js'])
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
