// Makes dist/mcpb/: the command line with `bridge` alone, and all that it needs from other packages. `client-config --mcpb` puts it
// into bundles for desktop clients, where there is no node_modules.

import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { requireNotice } from './notice.mjs'

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))

/** The other commands are not in it. */
const bridgeAlone = {
  name: 'bridge-alone',
  load: {
    filter: { id: /\/src\/cli\/commands\/(?!bridge\/)[\w-]+\/command\.ts$/ },
    handler: () => "export function build() { throw new Error('only `bridge` is in this bundle') }",
  },
}

const bundle = await rolldown({
  input: { 'mcp-mtls': path('src/cli/bin.ts') },
  platform: 'node',
  transform: { target: 'node20' },
  external: [/^node:/],
  plugins: [bridgeAlone],
  resolve: { mainFields: ['module', 'main'], conditionNames: ['import', 'node'] },
  treeshake: { moduleSideEffects: false },
  preserveEntrySignatures: false,
})
rmSync(path('dist/mcpb'), { recursive: true, force: true })
const { output } = await bundle.write({
  dir: path('dist/mcpb'),
  format: 'esm',
  minify: {
    compress: true,
    mangle: { keepNames: { function: true, class: true } },
    codegen: { removeWhitespace: true },
  },
  entryFileNames: '[name].mjs',
  chunkFileNames: '[name]-[hash].mjs',
})
await bundle.close()
requireNotice(output)
