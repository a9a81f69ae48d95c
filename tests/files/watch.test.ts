import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { watchFiles } from '../../src/files/watch.js'
import { scratch } from '../support/scratch.js'

/** Watches `file` in a directory that has it; `next` resolves at the next call. */
function watched(prepare: (directory: string) => void, file: string, pollMs = 1_000_000) {
  const directory = join(scratch(), 'certs')
  mkdirSync(directory)
  prepare(directory)
  let wake = () => {}
  const changed = vi.fn(() => wake())
  onTestFinished(watchFiles([join(directory, file)], changed, { debounceMs: 20, pollMs }))
  const next = () =>
    new Promise<void>((resolve) => {
      wake = resolve
    })
  return { directory, changed, next }
}

describe('a watch over files', () => {
  test('tells of a file that is written, and of one that comes anew', async () => {
    const { directory, next } = watched((dir) => writeFileSync(join(dir, 'a'), '1'), 'a')
    let told = next()
    writeFileSync(join(directory, 'a'), '2')
    await told
    told = next()
    writeFileSync(join(directory, 'b'), '1')
    await told
  })

  test('tells of a set that is copied file by file once', async () => {
    const { directory, changed, next } = watched((dir) => writeFileSync(join(dir, 'a'), '1'), 'a')
    const told = next()
    for (const name of 'abcdef') writeFileSync(join(directory, name), '2')
    await told
    expect(changed).toHaveBeenCalledTimes(1)
  })

  test('tells of what happens where a link leads, and of a link on the way that is switched', async () => {
    const elsewhere = scratch()
    for (const version of ['v1', 'v2']) {
      mkdirSync(join(elsewhere, version))
      writeFileSync(join(elsewhere, version, 'a'), version)
    }
    symlinkSync('v1', join(elsewhere, 'current'))
    const { next } = watched((dir) => symlinkSync(join(elsewhere, 'current', 'a'), join(dir, 'a')), 'a')
    for (const version of ['v1', 'v2']) {
      let told = next()
      writeFileSync(join(elsewhere, version, 'a'), 'other')
      await told
      told = next()
      symlinkSync('v2', join(elsewhere, 'next'))
      renameSync(join(elsewhere, 'next'), join(elsewhere, 'current'))
      await told
    }
  })

  test('takes links that lead in a circle for what they are', () => {
    const { changed } = watched((dir) => symlinkSync('a', join(dir, 'a')), 'a')
    expect(changed).not.toHaveBeenCalled()
  })

  test('tells of a link that is switched, again and again', async () => {
    const { directory, next } = watched((dir) => {
      mkdirSync(join(dir, 'v0'))
      writeFileSync(join(dir, 'v0', 'a'), '0')
      symlinkSync('v0', join(dir, '..data'))
      symlinkSync('..data/a', join(dir, 'a'))
    }, 'a')
    for (const version of ['v1', 'v2', 'v3']) {
      const told = next()
      symlinkSync(version, join(directory, '..new'))
      renameSync(join(directory, '..new'), join(directory, '..data'))
      await told
    }
  })

  test('tells of a whole directory that is replaced, and goes on with the new one', async () => {
    const { directory, next } = watched((dir) => writeFileSync(join(dir, 'a'), '1'), 'a')
    let told = next()
    cpSync(directory, `${directory}.new`, { recursive: true })
    renameSync(directory, `${directory}.old`)
    renameSync(`${directory}.new`, directory)
    await told
    told = next()
    writeFileSync(join(directory, 'a'), '2')
    await told
  })

  test('asks from time to time, where nothing can be watched', async () => {
    const { directory, next } = watched((dir) => writeFileSync(join(dir, 'a'), '1'), 'a', 50)
    rmSync(directory, { recursive: true })
    await next()
    await next()
  })
})
