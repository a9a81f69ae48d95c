// Makes dist/bundle/: the command line as a few files instead of hundreds. `base` is enough for help, `certificates` reads settings and
// certificates for all commands, `making` makes and checks them, which a process that serves never loads. The rest is split as it falls.
// The modules beside it in dist/ are those of the library.

import { readdirSync, readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { requireNotice } from './notice.mjs'

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))

const { dependencies } = JSON.parse(readFileSync(path('package.json'), 'utf8'))
/** The others are large, and loaded by commands that serve or call. */
const bundled = [
  'commander',
  'fast-string-width',
  'jsonc-parser',
  'zod',
  'yaml',
  '@marcbachmann/cel-js',
  're2js',
]
const external = Object.keys(dependencies).filter((name) => !bundled.includes(name))

/** A module still looks for files beside itself where `tsc` has put it. */
const whereItWas = {
  name: 'where-it-was',
  transform: {
    filter: { code: 'import.meta.url' },
    handler(_, id, { magicString }) {
      const built = relative(path('src'), id).replace(/\.ts$/, '.js')
      return {
        code: magicString.replaceAll('import.meta.url', `new URL('../${built}', import.meta.url).href`),
      }
    },
  },
}

const commands = readdirSync(path('src/cli/commands')).map((name) => path(`src/cli/commands/${name}`))
const bin = path('src/cli/bin.ts')
const starts = [path('src/cli/program.ts'), ...commands.map((folder) => `${folder}/command.ts`)]
const certificates = [
  path('src/config/index.ts'),
  ...commands.filter((folder) => /\/cert-[\w-]+$/.test(folder)).map((folder) => `${folder}/run.ts`),
]
const shared =
  /\/(src\/(auth|config|errors|files|judge|text|x509|alarm|cli\/(io|options|terminal))|node_modules)\b/

/** `first` is there before anything else is loaded. A group imports from those before it alone. */
const groups = { first: new Set(), base: new Set(), certificates: new Set(), making: new Set() }
const grouped = {
  name: 'grouped',
  buildEnd() {
    /** These modules, what they import, and what that imports, as far as it does not wait. */
    const closure = (ids) => {
      const found = new Set(ids)
      for (const id of found)
        for (const imported of this.getModuleInfo(id)?.importedIds ?? []) found.add(imported)
      return found
    }
    groups.first = closure([bin])
    groups.first.delete(bin) // the entry itself
    groups.base = closure(starts)
    for (const id of closure(certificates)) groups[shared.test(id) ? 'certificates' : 'making'].add(id)
  },
}

/** Clients wait for `bridge`: it runs from dist/mcpb/, which holds nothing else, and exits there. To debug it, sources have to be named. */
const bridgeApart = {
  name: 'bridge-apart',
  transform: {
    filter: { id: /\/src\/cli\/bin\.ts$/ },
    handler(code, _, { magicString }) {
      const at = code.indexOf('takeUserSignals([')
      if (at < 0) throw new Error('bin.ts does not begin as it did')
      const isMeant = "process.argv[2] === 'bridge' && !wantsDebug(process.env)"
      const start = `if (${isMeant}) await import('../mcpb/mcp-mtls.mjs').catch(cannotLoad)`
      return { code: magicString.appendLeft(at, `${start}\n`) }
    },
  },
}

const bundle = await rolldown({
  input: { 'mcp-mtls': bin },
  platform: 'node',
  transform: { target: 'node20' },
  // Its modules of the older kind hide from bundlers what they need.
  resolve: { alias: { 'jsonc-parser': path('node_modules/jsonc-parser/lib/esm/main.js') } },
  external: [
    /^node:/,
    /^\.\.\/mcpb\//,
    '#output-checker',
    ...external.map((name) => new RegExp(`^${name}(/|$)`)),
  ],
  plugins: [whereItWas, bridgeApart, grouped],
  treeshake: { moduleSideEffects: false },
  preserveEntrySignatures: false,
  experimental: { nativeMagicString: true },
})
const { output } = await bundle.write({
  dir: path('dist/bundle'),
  format: 'esm',
  sourcemap: true,
  minify: {
    compress: true,
    mangle: { keepNames: { function: true, class: true } },
    codegen: { removeWhitespace: true },
  },
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
  codeSplitting: {
    includeDependenciesRecursively: false,
    groups: Object.keys(groups).map((name, at) => ({
      name,
      test: (id) => groups[name].has(id),
      priority: 4 - at,
    })),
  },
})
await bundle.close()
requireNotice(output)
