// Makes dist/mcpb/: the command line with `bridge` alone, and all that it needs from other packages. `client-config --mcpb` puts it
// into bundles for desktop clients, where there is no node_modules.

import { rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))

/** The other commands are not in it. */
const bridgeAlone = {
  name: 'bridge-alone',
  load: {
    filter: { id: /\/src\/cli\/commands\/(?!bridge\/)[\w-]+\/command\.ts$/ },
    handler: () => "export function build() { throw new Error('only `bridge` is in this bundle') }",
  },
}

/** Its index loads mocks, caches, cookies and web sockets too, and its reader waits for them. */
const undiciOfBridge = {
  name: 'undici-of-bridge',
  load: {
    filter: { id: /\/node_modules\/undici\/index\.js$/ },
    handler: () => `module.exports = {
      Agent: require('./lib/dispatcher/agent'),
      Dispatcher: require('./lib/dispatcher/dispatcher'),
      buildConnector: require('./lib/core/connect'),
      fetch: require('./lib/web/fetch').fetch,
      Headers: require('./lib/web/fetch/headers').Headers,
      Response: require('./lib/web/fetch/response').Response,
    }`,
  },
}

const bundle = await rolldown({
  input: { 'mcp-mtls': path('src/cli/bin.ts') },
  platform: 'node',
  transform: { target: 'node20' },
  external: [/^node:/],
  plugins: [bridgeAlone, undiciOfBridge],
  resolve: { mainFields: ['module', 'main'], conditionNames: ['import', 'node'] },
  treeshake: { moduleSideEffects: false },
  preserveEntrySignatures: false,
})
rmSync(path('dist/mcpb'), { recursive: true, force: true })
await bundle.write({
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
