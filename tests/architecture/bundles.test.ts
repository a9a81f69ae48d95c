import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { expect, test } from 'vitest'
import { packageVersion, releaseDate } from '../../src/config/index.js'
import { certificateDirectory } from '../support/certificates.js'
import { startNode } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { readSources, root } from './sources.js'

const program = fileURLToPath(new URL('./fixtures/bundled.mjs', import.meta.url))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

interface Form {
  readonly format: 'esm' | 'cjs'
  readonly file: string
  /** As esbuild leaves it in CommonJS. */
  readonly withoutImportMeta?: true
}

const forms: readonly Form[] = [
  { format: 'esm', file: 'app.mjs' },
  { format: 'cjs', file: 'app.cjs' },
  { format: 'cjs', file: 'app.cjs', withoutImportMeta: true },
]

test.each(forms)(
  'a client, a bridge and a server run in a bundle: %o',
  async ({ format, file, withoutImportMeta }) => {
    const application = scratch()
    mkdirSync(join(application, 'dist', 'server'), { recursive: true })
    writeFileSync(join(application, 'package.json'), '{ "name": "application", "version": "9.9.9" }')
    const bundled = join(application, 'dist', 'server', file)
    const bundle = await rolldown({
      input: program,
      platform: 'node',
      transform: { define: withoutImportMeta ? { 'import.meta': '({})' } : {} },
      logLevel: 'silent',
    })
    await bundle.write({ file: bundled, format, codeSplitting: false })
    await bundle.close()

    const { finished } = startNode([bundled, await certificateDirectory()], { cwd: application })
    const { stdout, stderr } = await finished
    expect({ stdout, stderr }).toEqual({
      stdout: JSON.stringify({ sum: 3, bridged: 4, version: manifest.version }),
      stderr: '',
    })
  },
)

test('the version in the source is that of package.json', () => {
  expect(packageVersion).toBe(manifest.version)
  expect(releaseDate.getTime()).toBeGreaterThan(Date.UTC(2026, 10, 20))
})

test('`npm version` writes the version and the day into the source', async () => {
  const path = 'src/config/package-version.ts'
  const checkout = scratch()
  mkdirSync(join(checkout, 'src', 'config'), { recursive: true })
  cpSync(join(root, path), join(checkout, path))
  writeFileSync(join(checkout, 'package.json'), '{ "version": "1.2.3-rc.4" }')
  const before = new Date().toISOString().slice(0, 10)
  const { exitCode, stderr } = await startNode([join(root, 'scripts/set-version.mjs')], { cwd: checkout })
    .finished
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  const written = readFileSync(join(checkout, path), 'utf8')
  const day = /new Date\('(.*)'\)$/m.exec(written)?.[1] ?? ''
  expect(written.replace(day, 'DAY')).toBe(
    readFileSync(join(root, path), 'utf8')
      .replace(`'${manifest.version}'`, "'1.2.3-rc.4'")
      .replace(releaseDate.toISOString().slice(0, 10), 'DAY'),
  )
  expect(day >= before).toBe(true)
  expect(manifest.scripts.version).toContain('scripts/set-version.mjs')
})

test('no code of a client or server looks for a file beside itself', () => {
  // `import.meta.url` is empty in a bundle for CommonJS, and names another directory in every other.
  const rooms = [
    'auth',
    'bridge',
    'client',
    'config',
    'errors',
    'expose',
    'files',
    'judge',
    'pki',
    'relay',
    'server',
    'text',
    'tls',
    'x509',
  ]
  const looking = readSources().filter(
    ({ folder, text }) => rooms.includes(folder) && /import\.meta|\b__dirname\b|\b__filename\b/.test(text),
  )
  expect(looking.map(({ path }) => path)).toEqual([])
})
