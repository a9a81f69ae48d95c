import { Command } from 'commander'
import { expect, test } from 'vitest'
import { addSettingOptions, bindOptionals, resolveSettings } from '../../src/cli/options/settings.js'
import { type Setting, settingNames, settingTable } from '../../src/config/index.js'
import { testIo } from '../support/io.js'

test.each(settingNames)('the flag of %s reaches its setting by name', (name) => {
  const { kind, default: standard }: Setting = settingTable[name]
  const command = addSettingOptions(new Command(), name)
  const flag = command.options[0]?.long ?? ''
  const value = standard ?? 'x'
  command.parse([flag, value], { from: 'user' })
  expect(command.opts()).toEqual({ [name]: value })
  expect(kind.placeholder).not.toBe('')
})

test('a boolean flag does not swallow the argument after it', () => {
  const command = addSettingOptions(new Command(), 'demoMode', 'host')
  const bind = (...argv: string[]) => bindOptionals(argv, command)
  expect(bind('--demo-mode', 'all')).toEqual(['--demo-mode=true', 'all'])
  expect(bind('all', '--demo-mode')).toEqual(['all', '--demo-mode=true'])
  expect(bind('--demo-mode', 'false', 'all')).toEqual(['--demo-mode', 'false', 'all'])
  expect(bind('--demo-mode=0', '--host', 'x')).toEqual(['--demo-mode=0', '--host', 'x'])
})

test('a flag with an optional interval does not swallow the argument after it either', () => {
  const command = new Command().option('--watch [interval]', 'go on')
  const bind = (...argv: string[]) => bindOptionals(argv, command)
  expect(bind('--watch', 'certs')).toEqual(['--watch=true', 'certs'])
  expect(bind('--watch', '30s', 'certs')).toEqual(['--watch', '30s', 'certs'])
  expect(bind('certs', '--watch')).toEqual(['certs', '--watch=true'])
})

test('flags win over the environment', async () => {
  const command = addSettingOptions(new Command(), 'host', 'demoMode')
  command.parse(['--host', '127.0.0.2'], { from: 'user' })
  const io = testIo({ env: { MCP_HOST: '127.0.0.3', TLS_DEMO_MODE: '1' } })
  expect(await resolveSettings(command, io)).toMatchObject({ host: '127.0.0.2', tls: { demoMode: true } })
})
