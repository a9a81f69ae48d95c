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

/** What says what can be typed, and beyond that what the first answer needs; never what waits until it is needed. */
const early = { program: new Set(), bridge: new Set() }
const room = path('src/cli/commands/bridge')
const inTime = {
  name: 'in-time',
  buildEnd() {
    const closure = (...ids) => {
      const found = new Set(ids)
      for (const id of found)
        for (const imported of this.getModuleInfo(id)?.importedIds ?? []) found.add(imported)
      return found
    }
    early.program = closure(path('src/cli/program.ts'), `${room}/command.ts`)
    early.bridge = closure(
      path('src/config/index.ts'),
      `${room}/run.ts`,
      path('src/bridge/join.ts'),
      path('src/bridge/bridge.ts'),
    )
  },
}

const bundle = await rolldown({
  input: { 'mcp-mtls': path('src/cli/bin.ts') },
  platform: 'node',
  transform: {
    target: 'node20',
    // Node's own are loaded when they are first used, and would be the second copy.
    inject: { Headers: ['undici', 'Headers'], Response: ['undici', 'Response'] },
  },
  external: [/^node:/],
  plugins: [bridgeAlone, undiciOfBridge, inTime],
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
  // A handful of files: each is looked for, read and linked by itself.
  codeSplitting: {
    includeDependenciesRecursively: false,
    groups: [
      { name: 'program', test: (id) => early.program.has(id), priority: 2 },
      { name: 'bridge', test: (id) => early.bridge.has(id), priority: 1 },
    ],
  },
})
await bundle.close()
requireNotice(output)
