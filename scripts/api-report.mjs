// The public names of the package with their signatures, one page for each subpath, read from the declarations in dist/.
// Run as a program it writes docs/api/; tests/architecture/api.test.ts compares. A name that starts with `(` below is not exported: a
// private part of the declarations around it, which they repeat.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync, Visitor } from 'oxc-parser'

const root = fileURLToPath(new URL('..', import.meta.url))
const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** `{ page, subpath, entry }` of each subpath that has types. */
export const entries = Object.entries(exports).flatMap(([subpath, { types }]) =>
  types === undefined
    ? []
    : [
        {
          page: `docs/api/${subpath === '.' ? 'root' : subpath.slice(2)}.md`,
          subpath: join(name, subpath),
          entry: join(root, types),
        },
      ],
)

const modules = new Map()

/** What a file of declarations declares, imports and exports. */
function read(path) {
  const known = modules.get(path)
  if (known) return known
  const text = readFileSync(path, 'utf8')
  const { program, comments } = parseSync(path, text)
  const module = { path, declared: new Map(), imported: new Map(), exported: new Map() }
  modules.set(path, module)
  const from = (source) => (source.value.startsWith('.') ? fileOf(path, source.value) : undefined)
  const declare = (node, whole) => {
    const signature = withoutComments(text, whole, comments).replace(/^(export )?(declare )?/, '')
    const declared = node.declarations?.[0].id ?? node.id
    module.declared.set(declared.name, { name: declared.name, module, node, signature })
    return declared.name
  }
  for (const node of program.body) {
    if (node.type === 'ImportDeclaration')
      for (const { local, imported } of node.specifiers)
        module.imported.set(local.name, { file: from(node.source), name: imported?.name })
    else if (node.type === 'ExportNamedDeclaration' && node.declaration) {
      const declared = declare(node.declaration, node)
      module.exported.set(declared, { file: path, name: declared })
    } else if (node.type === 'ExportNamedDeclaration')
      for (const { local, exported } of node.specifiers)
        module.exported.set(exported.name, { file: node.source ? from(node.source) : path, name: local.name })
    else if (node.type === 'ExportAllDeclaration') throw new Error(`${path}: name what is exported`)
    else if (node.id ?? node.declarations) declare(node, node)
  }
  return module
}

const fileOf = (from, specifier) => resolve(dirname(from), specifier.replace(/\.js$/, '.d.ts'))

function withoutComments(text, { start, end }, comments) {
  let signature = ''
  let at = start
  for (const comment of comments.filter((one) => one.start >= start && one.end <= end)) {
    signature += text.slice(at, comment.start)
    at = comment.end
  }
  return (signature + text.slice(at, end)).replace(/^\s*\n/gm, '')
}

/** The declaration that a name means in a file; undefined for other packages, globals and type parameters. */
function declarationOf(module, name) {
  const declared = module.declared.get(name)
  if (declared) return declared
  const { file, name: there } = module.imported.get(name) ?? module.exported.get(name) ?? {}
  return file && file !== module.path ? declarationOf(read(file), there) : undefined
}

/** The declarations of this package that a declaration names. */
function namedBy({ module, node }) {
  const names = new Set()
  const add = (id) => {
    if (id?.type === 'Identifier') names.add(id.name)
  }
  new Visitor({
    TSTypeReference: ({ typeName }) => add(typeName),
    TSInterfaceHeritage: ({ expression }) => add(expression),
    TSClassImplements: ({ expression }) => add(expression),
    TSTypeQuery: ({ exprName }) => add(exprName),
    ClassDeclaration: ({ superClass }) => add(superClass),
  }).visit({ type: 'Program', body: [node], sourceType: 'module', hashbang: null, start: 0, end: 0 })
  return [...names].map((one) => declarationOf(module, one)).filter((one) => one !== undefined)
}

/** A page, and the types its signatures name that nobody can import from there. */
export function apiReport({ subpath, entry }) {
  const module = read(entry)
  const names = [...module.exported.keys()].sort((one, other) => (one < other ? -1 : 1))
  const shown = new Map(names.map((one) => [declarationOf(module, one), one]))
  const missing = new Set()
  for (const declaration of shown.keys())
    for (const named of namedBy(declaration)) {
      if (shown.has(named)) continue
      if (named.module.exported.has(named.name)) missing.add(named.name)
      else shown.set(named, `(${named.name})`)
    }
  const blocks = [...shown].map(
    ([{ signature }, shownAs]) => `### ${shownAs}\n\n\`\`\`ts\n${signature}\n\`\`\`\n`,
  )
  const page = [
    `# The public names of \`${subpath}\`\n`,
    'Written by `npm run api` from the built declarations. A change here is a change for users.\n',
    ...blocks,
  ]
  return { page: page.join('\n'), missing: [...missing] }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(join(root, 'docs/api'), { recursive: true })
  for (const entry of entries) writeFileSync(join(root, entry.page), apiReport(entry).page)
}
