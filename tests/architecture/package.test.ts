import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { expect, test } from 'vitest'
import { root } from './sources.js'

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

function packed(): string[] {
  // Without scripts: `prepare` would build again under the feet of the other tests.
  const args = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const [{ files }] = JSON.parse(execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: 'pipe' }))
  return files.map(({ path }: { path: string }) => path)
}

/** What browsers get, as it is in the package. */
const pages = ['monitor/page', 'perf/page'].flatMap((folder) =>
  readdirSync(join(root, 'src', folder))
    .filter((name) => !name.endsWith('.ts'))
    .map((name) => `dist/${folder}/${name}`),
)

test('the package has what users need and nothing else', () => {
  const files = packed()
  const needed = [
    'package.json',
    'README.md',
    'LICENSE',
    'NOTICE',
    'CHANGELOG.md',
    'dist/bundle/mcp-mtls.js',
    'dist/mcpb/mcp-mtls.mjs',
    'dist/index.js',
    ...pages,
  ]
  expect(needed.filter((file) => !files.includes(file))).toEqual([])
  expect(files.some((file) => file.startsWith('generated/'))).toBe(true)
  expect(
    files.filter(
      (file) =>
        !needed.includes(file) &&
        !/^(dist\/.+\.(js|d\.ts)|dist\/bundle\/.+\.js\.map|dist\/mcpb\/[^/]+\.mjs|generated\/[^/]+)$/.test(
          file,
        ),
    ),
  ).toEqual([])
})

test('everything the exports name is in the package', () => {
  const files = packed()
  const named = JSON.stringify([manifest.exports, manifest.bin]).match(/dist\/[^"]+/g) ?? []
  expect(named.filter((file) => !files.includes(file))).toEqual([])
})

test('publint finds nothing', async () => {
  const { messages } = await publint({ pkgDir: root, pack: false })
  expect(messages.map((message) => formatMessage(message, manifest))).toEqual([])
})

test('the binary can be run as it is', () => {
  const path = join(root, manifest.bin['mcp-mtls'])
  expect(statSync(path).mode & 0o111).toBe(0o111)
  expect(readFileSync(path, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/)
})
