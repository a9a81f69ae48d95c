// Makes dist/bundle/: the command line as a few files instead of hundreds, with all that it shares and what it takes of small packages.
// What only some commands need is in a file of its own. The modules beside it in dist/ are those of the library.

import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))

const { dependencies } = JSON.parse(readFileSync(path('package.json'), 'utf8'))
/** Read at every start. The others are large, and loaded by commands that serve or call. */
const bundled = ['commander', 'fast-string-width', 'fast-string-truncated-width', 'zod']
const external = Object.keys(dependencies).filter((name) => !bundled.includes(name))

/** A module still looks for files beside itself where `tsc` has put it. */
const whereItWas = {
  name: 'where-it-was',
  transform: (code, id) => {
    if (!id.startsWith(path('src/')) || !code.includes('import.meta.url')) return undefined
    const built = relative(path('src'), id).replace(/\.ts$/, '.js')
    return code.replaceAll('import.meta.url', `new URL('../${built}', import.meta.url).href`)
  },
}

const bundle = await rolldown({
  input: { 'mcp-mtls': path('src/cli/bin.ts') },
  platform: 'node',
  external: [/^node:/, '#output-checker', ...external.map((name) => new RegExp(`^${name}(/|$)`))],
  plugins: [whereItWas],
  treeshake: { moduleSideEffects: false },
})
await bundle.write({
  dir: path('dist/bundle'),
  format: 'esm',
  sourcemap: true,
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
})
await bundle.close()
