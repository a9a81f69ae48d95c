import { settingTable } from './settings/setting-table.js'

/** Whether whoever started this wants to know where things happen. */
export function wantsDebug(env: Readonly<Record<string, string | undefined>>): boolean {
  return /^(debug|trace)$/.test(env[settingTable.logLevel.variable] ?? '')
}
