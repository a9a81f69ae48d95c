import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSync, Visitor } from 'oxc-parser'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Source {
  /** From the root of the package: `src/tls/gate.ts`. */
  readonly path: string
  /** `tls` for `src/tls/gate.ts`, `errors` for `src/errors.ts`. */
  readonly folder: string
  readonly text: string
  /** As written: `./gate.js`, `node:fs`; imports of types and `export … from` too. */
  readonly imports: readonly string[]
}

/** Every source file with what it imports. */
export function readSources(): Source[] {
  return readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => {
      const path = relative(root, join(entry.parentPath, entry.name))
      const text = readFileSync(join(root, path), 'utf8')
      return { path, folder: folderOf(path), text, imports: importsOf(path, text) }
    })
}

/** The file in `src` that a relative import means; undefined for packages. */
export function target(source: Pick<Source, 'path'>, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return relative(root, resolve(root, dirname(source.path), specifier.replace(/\.js$/, '.ts')))
}

export function folderOf(path: string): string {
  return path.split('/')[1]?.replace(/\.ts$/, '') ?? ''
}

export function importsOf(path: string, text: string): string[] {
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]?.message}`)
  const found: string[] = []
  const add = (node: { readonly type: string; readonly value?: unknown } | null) => {
    if (node?.type === 'Literal') found.push(String(node.value))
  }
  new Visitor({
    ImportDeclaration: (node) => add(node.source),
    ExportNamedDeclaration: (node) => add(node.source),
    ExportAllDeclaration: (node) => add(node.source),
    ImportExpression: (node) => add(node.source),
    TSImportType: (node) => add(node.source),
  }).visit(program)
  return found
}
