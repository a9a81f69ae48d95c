import { expect, test } from 'vitest'
import { expanded, expandedPath, homeOf } from '../../src/config/placeholders.js'

// biome-ignore-start lint/suspicious/noTemplateCurlyInString: placeholders of the file
const windows = { env: { APP: 'C:\\Apps' }, home: 'C:\\Users\\me', folder: 'C:\\work\\app\\.vscode' }
const posix = { env: { 'ODD-NAME': 'x' }, home: '/home/me', folder: '/work/app/.cursor' }

test.each([
  ['~\\pki\\ca.crt', windows, 'C:\\Users\\me\\pki\\ca.crt'],
  ['~/pki/ca.crt', windows, 'C:\\Users\\me/pki/ca.crt'],
  ['${env:APP}\\ca.crt', windows, 'C:\\Apps\\ca.crt'],
  ['${userHome}\\ca.crt', windows, 'C:\\Users\\me\\ca.crt'],
  ['~', posix, '/home/me'],
  ['~other/ca.crt', posix, '~other/ca.crt'],
  ['./~/ca.crt', posix, './~/ca.crt'],
  ['${workspaceFolder}/ca.crt', posix, '/work/app/ca.crt'],
  ['${workspaceFolder}/ca.crt', { ...posix, folder: '/work/app' }, '/work/app/ca.crt'],
  ['${NOT_SET:-a:-b}', posix, 'a:-b'],
  ['$HOME $(id) `id`', posix, '$HOME $(id) `id`'],
])('%s', (path, around, text) => {
  expect(expandedPath(path, around)).toEqual({ text })
})

test('what a variable holds is not filled in again', () => {
  const env = { A: '${B}', B: 'secret' }
  expect(expanded('${A}', { ...posix, env })).toEqual({ text: '${B}' })
})

test.each([
  ['${ODD-NAME}', /not known/],
  ['${}', /not known/],
  ['${A} ${B}', /^the variable A is not set, the variable B is not set$/],
])('%s has no meaning', (text, problem) => {
  expect(expanded(text, posix)).toEqual({ problem: expect.stringMatching(problem) })
})
// biome-ignore-end lint/suspicious/noTemplateCurlyInString: placeholders of the file

test('the home directory is that of the environment, on Windows too', () => {
  expect(homeOf({ HOME: '/home/me' })).toBe('/home/me')
  expect(homeOf({ USERPROFILE: 'C:\\Users\\me' })).toBe('C:\\Users\\me')
  expect(homeOf({})).not.toBe('')
})
