import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
// @ts-expect-error: a script of the build
import { packagesIn, requireNotice } from '../../scripts/notice.mjs'
import { scratch } from '../support/scratch.js'
import { root } from './sources.js'

/** A chunk made of files with these texts. */
function chunk(files: Readonly<Record<string, string>>): object {
  const directory = scratch()
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), text)
  }
  return { modules: Object.fromEntries(Object.keys(files).map((name) => [join(directory, name), {}])) }
}

const bundled = () => [
  chunk({
    'src/own.ts': '',
    'node_modules/@some/sdk/dist/index.mjs': [
      '//#region ../../node_modules/.pnpm/inside@8.0.0/node_modules/@else/inside/dist/core.js',
      '//#region src/own.ts',
    ].join('\n'),
  }),
  chunk({ 'node_modules/plain/index.js': '' }),
  {},
]

test('what a bundle holds are packages, and what packages have in their own files', () => {
  expect(packagesIn(bundled())).toEqual(['@else/inside', '@some/sdk', 'plain'])
})

test('a build ends when NOTICE does not name a package that is bundled', () => {
  expect(() => requireNotice(bundled(), 'Holds plain (by me), @some/sdk-more and @else/inside.')).toThrow(
    /bundled: @some\/sdk$/,
  )
  expect(() => requireNotice(bundled(), 'Holds plain, @some/sdk and @else/inside (MIT)')).not.toThrow()
})

test('every build that makes a bundle asks for it', () => {
  for (const name of ['build-bundle', 'build-mcpb', 'build-output-checker'])
    expect(readFileSync(join(root, `scripts/${name}.mjs`), 'utf8')).toContain('\nrequireNotice(output)\n')
})
