import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { withoutTool } from '../support/did-not-run.js'
import { scratch } from '../support/scratch.js'
import { root } from './sources.js'

const script = (name: string) => join(root, 'scripts', name)

const tests = readdirSync(join(root, 'tests'), { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .map((path) => ({ path, text: readFileSync(join(root, 'tests', path), 'utf8') }))

test('a test is left out only for want of a tool, and says so', () => {
  const leaves = tests.filter(({ text }) =>
    /\b(test|it|describe)\.(\w+\.)*(skip|skipIf|runIf|todo|only|fails)\b|\bcontext\.skip\b/.test(text),
  )
  expect(leaves.map(({ path }) => path)).toEqual(['support/tools.ts'])
})

test('tools that a machine may lack are asked for in tests/interop alone', () => {
  const asking = tests.filter(({ text }) => /\bdescribeWith\(/.test(text))
  expect(asking.length).toBeGreaterThan(5)
  expect(
    asking.map(({ path }) => path).filter((path) => !/^(interop\/|support\/tools\.ts)/.test(path)),
  ).toEqual([])
})

test('the bare PATH has openssl and curl, and no tool of another language', () => {
  const look = 'for tool in node npm openssl curl git go python3 nginx; do type -P "$tool"; done'
  const { stdout } = spawnSync(script('bare'), ['bash', '-c', look], { encoding: 'utf8' })
  const found = stdout.split('\n').map((path) => path.split('/').at(-1))
  expect(found).toEqual(['node', 'npm', 'openssl', 'curl', ''])
})

test('the counts of several runs are one line, and a later run of a file stands for the earlier one', () => {
  const directory = scratch()
  const report = (name: string, files: Record<string, readonly [fullName: string, status: string][]>) => {
    const path = join(directory, name)
    const testResults = Object.entries(files).map(([file, results]) => ({
      name: file,
      status: results.length === 0 ? 'failed' : 'passed',
      message: results.length === 0 ? 'cannot be loaded' : '',
      assertionResults: results.map(([fullName, status]) => ({
        fullName,
        status,
        failureMessages: status === 'failed' ? ['expected 1 to be 2'] : [],
      })),
    }))
    writeFileSync(path, JSON.stringify({ testResults }))
    return path
  }
  const skipped = (tool: string) => [`a ${tool} test ${withoutTool(tool)}`, 'skipped'] as const
  const bare = report('bare.json', {
    'a.test.ts': [['good', 'passed']],
    'broken.test.ts': [],
    'go.test.ts': [[...skipped('Go')]],
    'other.test.ts': [['bad', 'failed'], [...skipped('Chromium')]],
  })
  const full = report('full.json', {
    'go.test.ts': [['a Go test', 'passed']],
    'other.test.ts': [['bad', 'passed'], [...skipped('Chromium')]],
  })
  const printed = execFileSync(process.execPath, [script('test-counts.mjs'), bare, full], {
    encoding: 'utf8',
  })
  expect(printed.split('\n')).toEqual([
    'did not run: there is no Chromium',
    '',
    'failed: broken.test.ts',
    'cannot be loaded',
    '',
    'failed: other.test.ts > bad',
    'expected 1 to be 2',
    '',
    '3 passed, 2 failed, 1 skipped',
    '',
  ])
})

test('mutation names files that are there', () => {
  const scopes: Record<string, Record<'mutate' | 'tests', string[]>> = JSON.parse(
    readFileSync(script('mutation/scopes.json'), 'utf8'),
  )
  expect(Object.keys(scopes)).toEqual(['unit', 'sockets'])
  for (const { mutate = [], tests = [] } of Object.values(scopes))
    for (const path of [...mutate, ...tests]) expect(existsSync(join(root, path)), path).toBe(true)
})
