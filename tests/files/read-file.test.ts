import { chownSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { wayToRead } from '../../src/files/read-file.js'
import { scratch } from '../support/scratch.js'

const denied = Object.assign(new Error('permission denied'), { code: 'EACCES' })
const user = process.geteuid?.()

test('who may not read an own file is told how it may', () => {
  const path = join(scratch(), 'a file')
  writeFileSync(path, '')
  expect(wayToRead(path, denied)).toBe(`Yours, but not readable: \`chmod u+r '${path}'\`.`)
})

test('who may not read the file of another is told whose it is', () => {
  const path = user === 0 ? join(scratch(), 'theirs') : '/'
  if (user === 0) {
    writeFileSync(path, '')
    chownSync(path, 12345, 12345)
  }
  const owner = user === 0 ? 12345 : 0
  expect(wayToRead(path, denied)).toContain(`runs as user ${user}, the file belongs to user ${owner}: `)
})

test('who may not look into a directory is told so, and who was kept by something else nothing', () => {
  const path = join(scratch(), 'nowhere')
  expect(wayToRead(path, denied)).toContain('enter the directories of this path')
  for (const cause of [undefined, new Error('x'), Object.assign(new Error('x'), { code: 'ENOENT' })])
    expect(wayToRead(path, cause)).toBeUndefined()
})
