import { execFile, execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startNode } from '../support/cli.js'
import { root } from './sources.js'

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

// What `npm publish` would send, in a project of its own that has the package and its dependencies alone.
const project = mkdtempSync(join(tmpdir(), 'mcp-mtls-test-'))
const modules = join(project, 'node_modules')
let tarball = ''

beforeAll(() => {
  // Without scripts: `prepare` would build again under the feet of the other tests.
  const pack = ['pack', '--ignore-scripts', '--json', '--pack-destination', project]
  const [{ filename, files }] = JSON.parse(
    execFileSync('npm', pack, { cwd: root, encoding: 'utf8', stdio: 'pipe' }),
  )
  tarball = join(project, filename)
  for (const { path } of files) cpSync(join(root, path), join(modules, 'mcp-mtls', path))
  for (const name of [...Object.keys(manifest.dependencies), '@types/node']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), join(modules, name)) // nothing is fetched
  }
  writeFileSync(join(project, 'package.json'), '{ "name": "user", "type": "module" }')
  cpSync(join(root, 'tests/architecture/fixtures/user.ts'), join(project, 'user.ts'))
})

afterAll(() => rmSync(project, { recursive: true }))

const resolutions = [
  { module: 'node16', moduleResolution: 'node16' },
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'esnext', moduleResolution: 'bundler' },
]

test.each(resolutions)('a program that uses it compiles: $moduleResolution', async (resolution) => {
  const compilerOptions = {
    ...resolution,
    target: 'es2023',
    lib: ['es2023', 'esnext.disposable'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
  }
  const config = join(project, `tsconfig.${resolution.moduleResolution}.json`)
  writeFileSync(config, JSON.stringify({ compilerOptions, files: ['user.ts'] }))
  const tsc = [join(root, 'node_modules/typescript/bin/tsc'), '-p', config]
  const { stdout } = await promisify(execFile)(process.execPath, tsc, { cwd: project }).catch(
    (error) => error,
  )
  // Declarations are checked, ours with them; those of other packages are their makers'.
  const others = /^ |^\S*node_modules\/(?!mcp-mtls\/)/
  expect(stdout.split('\n').filter((line: string) => line !== '' && !others.test(line))).toEqual([])
})

test('each subpath can be imported', async () => {
  const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json')
  const program = subpaths.map((subpath) => `await import('${join('mcp-mtls', subpath)}')`).join('\n')
  const { exitCode, stderr } = await startNode(['--input-type=module', '-e', program], { cwd: project })
    .finished
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
})

test('the command runs from the package alone', async () => {
  const certDir = join(project, 'certs')
  const bin = join(modules, 'mcp-mtls', manifest.bin['mcp-mtls'])
  const made = await startNode([bin, 'cert-gen', '--cert-dir', certDir], { cwd: project }).finished
  expect(made).toMatchObject({ exitCode: 0, stderr: expect.not.stringContaining('error') })
  const checked = await startNode([bin, 'cert-check', certDir], { cwd: project }).finished
  expect(checked).toMatchObject({ exitCode: 0, stderr: '' })
})

test('types are found wherever ES modules are', async () => {
  const found = await checkPackage(createPackageFromTarballData(new Uint8Array(readFileSync(tarball))))
  // There is no CommonJS here, and Node 10 knew no subpaths.
  const others = ['node10', 'node16-cjs']
  const problems = (found.types ? found.problems : [found]).filter(
    (problem) => !('resolutionKind' in problem && others.includes(problem.resolutionKind)),
  )
  expect(problems).toEqual([])
})
