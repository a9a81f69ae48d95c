// Makes dist/bundle/: the command line as a few files instead of hundreds. Two of them hold what every command loads at once: `base`,
// which is enough for help, and `certificates`, on which the commands for certificates stand. What others need is split as it falls.
// The modules beside it in dist/ are those of the library.

import { readdirSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))

const { dependencies } = JSON.parse(readFileSync(path('package.json'), 'utf8'))
/** The others are large, and loaded by commands that serve or call. */
const bundled = ['commander', 'fast-string-width', 'zod']
const external = Object.keys(dependencies).filter((name) => !bundled.includes(name))

/** A module still looks for files beside itself where `tsc` has put it. */
const whereItWas = {
  name: 'where-it-was',
  transform: {
    filter: { code: 'import.meta.url' },
    handler(_, id, { magicString }) {
      const built = relative(path('src'), id).replace(/\.ts$/, '.js')
      return { code: magicString.replaceAll('import.meta.url', `new URL('../${built}', import.meta.url).href`) }
    },
  },
}

const commands = readdirSync(path('src/cli/commands')).map((name) => path(`src/cli/commands/${name}`))
const starts = {
  base: [path('src/cli/bin.ts'), path('src/cli/program.ts'), ...commands.map((folder) => `${folder}/command.ts`)],
  certificates: [
    path('src/config/index.ts'),
    ...commands.filter((folder) => /\/cert-\w+$/.test(folder)).map((folder) => `${folder}/run.ts`),
  ],
}
/** By group: what its first modules import, and what that imports, as far as it does not wait. */
const members = { base: new Set(), certificates: new Set() }
const grouped = {
  name: 'grouped',
  buildEnd() {
    for (const [group, ids] of Object.entries(starts)) {
      const found = members[group]
      for (const id of ids) found.add(id)
      for (const id of found) for (const imported of this.getModuleInfo(id)?.importedIds ?? []) found.add(imported)
    }
  },
}

const bundle = await rolldown({
  input: { 'mcp-mtls': path('src/cli/bin.ts') },
  platform: 'node',
  external: [/^node:/, '#output-checker', ...external.map((name) => new RegExp(`^${name}(/|$)`))],
  plugins: [whereItWas, grouped],
  treeshake: { moduleSideEffects: false },
  preserveEntrySignatures: false,
  experimental: { nativeMagicString: true },
})
await bundle.write({
  dir: path('dist/bundle'),
  format: 'esm',
  sourcemap: true,
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
  codeSplitting: {
    includeDependenciesRecursively: false,
    groups: Object.entries(members).map(([name, ids], at) => ({
      name,
      test: (id) => id !== path('src/cli/bin.ts') && ids.has(id),
      priority: 2 - at,
    })),
  },
})
await bundle.close()
