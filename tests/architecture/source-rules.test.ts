import { parseSync } from 'oxc-parser'
import { expect, test } from 'vitest'
import { settingTable } from '../../src/config/index.js'
import { readSources } from './sources.js'

const sources = readSources()
const outside = (folder: string) => sources.filter((source) => source.folder !== folder)

/** `path:line` of every match. */
function matches(pattern: RegExp, files = sources): string[] {
  return files.flatMap(({ path, text }) =>
    text.split('\n').flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}`] : [])),
  )
}

test('entry files hold names only', () => {
  for (const { path, text } of sources.filter(({ path }) => path.endsWith('/index.ts'))) {
    const kinds = parseSync(path, text).program.body.map((statement) => statement.type)
    expect(new Set(kinds), path).not.toContain('ImportDeclaration')
    expect(
      kinds.filter((kind) => kind !== 'ExportNamedDeclaration' && kind !== 'ExportAllDeclaration'),
      path,
    ).toEqual([])
    expect(text, path).not.toMatch(/^export (const|function|class|interface|type \w+ =)/m)
  }
})

test('only the command line prints', () => {
  // Log and audit have a way to them on which nothing waits for a reader.
  const exempt = ['src/files/standard-output.ts', 'src/bridge/library.ts'] // the client of a bridge is there
  const others = outside('cli').filter(({ path }) => !exempt.includes(path))
  expect(matches(/(?<!#)process\.(stdout|stderr)/, others)).toEqual([])
  expect(matches(/process\.(stdout|stderr)\W+write/, outside('cli'))).toEqual([])
  expect(matches(/\bconsole\./)).toEqual([])
})

test('only cli/bin.ts exits', () => {
  const others = sources.filter(({ path }) => path !== 'src/cli/bin.ts')
  expect(matches(/process\.(exit\b|exitCode|abort)/, others)).toEqual([])
})

test('only config reads variables, handed to it by cli/bin.ts, and by expose for the program that it starts', () => {
  const handing = ['src/cli/bin.ts', 'src/expose/expose.ts']
  const others = sources.filter(({ path }) => !handing.includes(path))
  expect(matches(/process\.env/, others)).toEqual([])
})

test('only config asks for a variable by name', () => {
  const names = Object.values(settingTable).map(({ variable }) => variable)
  const asked = new RegExp(`\\benv(\\.|\\[['"\`])(${names.join('|')})\\b`)
  expect(matches(asked, outside('config'))).toEqual([])
})

test('no file has a path of the machine it was written on', () => {
  expect(matches(/['"`](\/home|\/Users|\/root|\/work|\/tmp)\b/)).toEqual([])
})

test('certificates are read and made without libraries: tests compare with them', () => {
  const importers = sources.filter(({ imports }) =>
    imports.some((name) => /^(@peculiar|reflect-metadata)/.test(name)),
  )
  expect(importers.map(({ path }) => path)).toEqual([])
})

test('no file is longer than 400 lines', () => {
  const long = sources.filter(({ text }) => text.split('\n').length > 401)
  expect(long.map(({ path }) => path)).toEqual([])
})
