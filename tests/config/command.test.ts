import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { findCommand } from '../../src/config/command.js'
import { refusal } from '../support/refusal.js'
import { scratch } from '../support/scratch.js'

/** A directory with a program, a script that may not be executed, a directory and a link that leads nowhere. */
function programs(): string {
  const directory = scratch()
  writeFileSync(join(directory, 'server'), '#!/bin/sh\n')
  chmodSync(join(directory, 'server'), 0o755)
  writeFileSync(join(directory, 'server.js'), '', { mode: 0o644 })
  mkdirSync(join(directory, 'folder'))
  symlinkSync('nowhere', join(directory, 'link'))
  return directory
}

test('a name is looked for on the PATH, past what cannot be started', () => {
  const directory = programs()
  const first = scratch()
  mkdirSync(join(first, 'server'))
  const second = scratch()
  writeFileSync(join(second, 'server'), '', { mode: 0o644 })
  const PATH = [first, second, join(directory, 'server.js'), '/nowhere', directory].join(':')
  expect(findCommand('server', { cwd: '/', env: { PATH } })).toBe(join(directory, 'server'))
})

test('a path starts in the working directory, as do parts of the PATH', () => {
  const cwd = programs()
  const found = join(cwd, 'server')
  expect(findCommand('./server', { cwd, env: {} })).toBe(found)
  expect(findCommand(found, { cwd: '/', env: {} })).toBe(found)
  expect(findCommand('server', { cwd, env: { PATH: '/nowhere:' } })).toBe(found)
})

test.each([
  ['./absent', 'does not exist', 'relative path'],
  ['./link', 'does not exist', 'relative path'],
  ['./server/below', 'does not exist', 'relative path'],
  ['./folder', 'is a directory', 'the program in it'],
  ['./server.js', 'may not be executed', 'node server.js'],
  ['server.js', 'may not be executed', 'node server.js'],
  ['absent', '"absent" was not found on the PATH', 'Install the program'],
  ['folder', '"folder" was not found on the PATH', 'Install the program'],
  ['server --verbose', '"server --verbose" was not found on the PATH', 'separate words'],
])('%s: %s', (command, message, hint) => {
  const cwd = programs()
  expect(refusal(() => findCommand(command, { cwd, env: { PATH: cwd } }))).toMatchObject({
    code: 'COMMAND_NOT_FOUND',
    message: expect.stringContaining(message),
    hint: expect.stringContaining(hint),
  })
})

test('without a PATH only paths are found', () => {
  const cwd = programs()
  for (const env of [{}, { PATH: '' }]) {
    expect(refusal(() => findCommand('server', { cwd, env })).code).toBe('COMMAND_NOT_FOUND')
    expect(findCommand('./server', { cwd, env })).toBe(join(cwd, 'server'))
  }
})
