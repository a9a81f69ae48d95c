import { expect, test } from 'vitest'
import { parseServerConfig, readSettings } from '../../src/config/index.js'
import { originProblem } from '../../src/config/origin.js'
import { refusal } from '../support/refusal.js'

test.each([
  'https://app.example',
  'https://app.example:8443',
  'http://localhost:3000',
  'http://[::1]:3000',
  'https://xn--bcher-kva.example',
  'chrome-extension://abcdef',
  'vscode-webview://*',
  'app.example',
  'localhost',
  '127.0.0.1',
  '[::1]',
])('%s can be the origin of a page, or its host', (text) => {
  expect(originProblem(text)).toBeUndefined()
})

test.each([
  ['https://app.example/', 'https://app.example'],
  ['https://app.example/path?x#y', 'https://app.example'],
  ['https://app.example:443', 'https://app.example'],
  ['http://app.example:80', 'http://app.example'],
  ['HTTPS://App.example', 'https://app.example'],
  ['https://bücher.example', 'https://xn--bcher-kva.example'],
  ['https:app.example', 'https://app.example'],
  ['https://[0:0:0:0:0:0:0:1]:3000', 'https://[::1]:3000'],
  ['chrome-extension://abcdef/', 'chrome-extension://abcdef'],
  ['app.example/path', 'app.example'],
  ['App.example', 'app.example'],
  ['::1', '[::1]'],
  ['bücher.example', 'xn--bcher-kva.example'],
  ['app.example:3000', 'https://app.example:3000'],
  ['localhost:3000', 'https://localhost:3000'],
])('%s would never match: did you mean %s?', (text, meant) => {
  expect(originProblem(text)).toBe(`${JSON.stringify(text)}: did you mean ${meant}?`)
  expect(originProblem(meant)).toBeUndefined()
})

test.each([
  '*',
  'https://*',
  'https://*.app.example',
  'app.*',
  '*.app.example',
  'null',
  'file://',
  'a b',
  'https://',
])('%s is no origin: the message shows one', (text) => {
  expect(originProblem(text)).toMatch(/https:\/\/app\.example/)
})

test('a password in one is not shown', () => {
  expect(originProblem('https://user:hunter2@app.example')).not.toContain('hunter2')
  expect(originProblem('user:hunter2@app.example')).not.toContain('hunter2')
})

test('options and settings that have one are CONFIG_INVALID, each named', () => {
  const allowedOrigins = ['https://app.example', 'https://app.example/', '*']
  const options = refusal(() => parseServerConfig({ name: 'echo', tlsEnabled: false, allowedOrigins }))
  expect([options.code, options.message]).toEqual([
    'CONFIG_INVALID',
    expect.stringMatching(
      /allowedOrigins\.1: .*did you mean https:\/\/app\.example\?\n.*allowedOrigins\.2: /s,
    ),
  ])
  const env = { MCP_ALLOWED_ORIGINS: allowedOrigins.join(',') }
  const settings = refusal(() => readSettings({ env }))
  expect([settings.code, settings.message]).toEqual([
    'CONFIG_INVALID',
    expect.stringMatching(
      /MCP_ALLOWED_ORIGINS \(--allowed-origins\): .*did you mean https:\/\/app\.example\?/,
    ),
  ])
})
