import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeDirectories } from '../../src/files/make-directory.js'
import { scratch } from '../support/scratch.js'

test('what is missing is made, with the mode; what is there stays as it is', () => {
  const folder = scratch()
  makeDirectories(join(folder, 'a', 'b', 'c'), 0o700)
  for (const path of ['a', 'a/b', 'a/b/c']) expect(statSync(join(folder, path)).mode & 0o777).toBe(0o700)
  mkdirSync(join(folder, 'open'), 0o755)
  makeDirectories(join(folder, 'open'), 0o700)
  expect(statSync(join(folder, 'open')).mode & 0o777).toBe(0o755)
})

test('a link to a directory is one, a link to nothing and a file are not', () => {
  const folder = scratch()
  mkdirSync(join(folder, 'real'))
  symlinkSync('real', join(folder, 'link'))
  symlinkSync('nowhere', join(folder, 'dead'))
  writeFileSync(join(folder, 'file'), '')
  makeDirectories(join(folder, 'link'))
  makeDirectories(join(folder, 'link', 'inside'))
  expect(statSync(join(folder, 'real', 'inside')).isDirectory()).toBe(true)
  expect(() => makeDirectories(join(folder, 'dead'))).toThrow('EEXIST')
  expect(() => makeDirectories(join(folder, 'dead', 'x'))).toThrow('EEXIST')
  expect(() => makeDirectories(join(folder, 'file'))).toThrow('EEXIST')
  expect(() => makeDirectories(join(folder, 'file', 'x'))).toThrow('ENOTDIR')
})
