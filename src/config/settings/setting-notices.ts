import { isCallerVariable } from '../child-environment.js'
import { type SettingName, settingNames, settingsOf, settingTable } from './setting-table.js'
import type { SettingSources } from './settings.js'

/**
 * Warnings at startup: names that look like ours but are not, settings that do nothing, and what the `.env` file of a
 * directory weakens or decides, since someone else may have put it there. `takes` are the settings of the command.
 */
export function settingNotices(
  { flags = {}, env = {}, dotenv = {} }: SettingSources,
  takes: readonly SettingName[] = settingNames,
): readonly string[] {
  const known = new Set<string>(settingNames.map((name) => settingTable[name].variable))
  const names = [...new Set([...Object.keys(env), ...Object.keys(dotenv)])]
  const isOurs = (name: string) => /^(export)?(TLS|MCP|AUDIT)_/i.test(name) && !isCallerVariable(name)
  const unknown = names.filter((name) => isOurs(name) && !known.has(name)).sort()

  const isOver = (name: SettingName) => flags[name] !== undefined || Boolean(env[settingTable[name].variable])
  const ofFile = (name: SettingName) => (isOver(name) ? '' : (dotenv[settingTable[name].variable] ?? ''))
  const assignment = (name: SettingName) =>
    name === 'auditKey' ? settingTable[name].variable : `${settingTable[name].variable}=${ofFile(name)}`
  const weaker = weakening
    .filter(([name, value]) => value.test(ofFile(name)))
    .map(([name]) => assignment(name))

  const ofCalls = settingsOf('policy').filter((name) => takes.includes(name))
  const decided = ofCalls.filter((name) => ofFile(name) !== '').map(assignment)
  const given = ofCalls.filter((name) => isOver(name) || ofFile(name) !== '')
  const idle = given.filter((name) => name !== 'policy').map((name) => settingTable[name].variable)
  return [
    ...(unknown.length > 0 ? [`no such setting: ${unknown.join(', ')}`] : []),
    ...(weaker.length > 0 ? [`.env makes this weaker than the defaults: ${weaker.join(', ')}`] : []),
    ...(decided.length > 0
      ? [`.env decides who may call what, or what is recorded: ${decided.join(', ')}`]
      : []),
    ...(idle.length > 0 && !given.includes('auditLog')
      ? [
          `without ${settingTable.auditLog.variable} nothing is recorded, and this has no effect: ${idle.join(', ')}`,
        ]
      : []),
  ]
}

const weakening: readonly (readonly [name: SettingName, value: RegExp])[] = [
  ['demoMode', /^\s*(true|1)\s*$/i],
  ['demoAllowRemote', /^\s*(true|1)\s*$/i],
  ['tlsEnabled', /^\s*(false|0)\s*$/i],
]
