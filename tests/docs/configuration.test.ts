import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  flagOf,
  type Setting,
  type SettingGroup,
  settingNames,
  settingTable,
} from '../../src/config/index.js'
import { readMcpServers } from '../../src/config/mcp-servers.js'
import { scratch } from '../support/scratch.js'

// Both files follow the table of settings: `npx vitest run tests/docs -u` writes them anew.

const titles: Record<SettingGroup, string> = {
  tls: 'TLS and certificates',
  listen: 'Where servers listen',
  limits: 'Limits of a server',
  policy: 'Who may call what, and the record of calls',
  call: 'Calling servers',
  weather: 'Weather',
  model: 'Language model',
  log: 'Logs',
}

function settings(group: SettingGroup): { flag: string; setting: Setting }[] {
  return settingNames
    .filter((name) => settingTable[name].group === group)
    .map((name) => ({ flag: flagOf(name), setting: settingTable[name] }))
}

const groups = Object.entries(titles) as [SettingGroup, string][]

test('docs/configuration.md has every setting with its flag, default and meaning', async () => {
  const tables = groups.map(([group, title]) => {
    const rows = settings(group).map(({ flag, setting }) => {
      const values = setting.kind.placeholder.replaceAll('|', '`, `')
      const standard = setting.default === undefined ? '–' : `\`${setting.default}\``
      return `| \`${setting.variable}\` | \`${flag}\` | \`${values}\` | ${standard} | ${setting.help} |`
    })
    return [
      `### ${title}`,
      '',
      '| variable | flag | value | default | meaning |',
      '|---|---|---|---|---|',
      ...rows,
    ].join('\n')
  })
  const path = new URL('../../docs/configuration.md', import.meta.url)
  const expected = readFileSync(path, 'utf8').replace(
    /(<!-- settings -->\n).*(<!-- end of settings -->)/s,
    (_, begin, end) => `${begin}\n${tables.join('\n\n')}\n\n${end}`,
  )
  await expect(expected).toMatchFileSnapshot('../../docs/configuration.md')
})

test('.env.example has every variable with its default', async () => {
  const blocks = groups.map(([group, title]) => {
    const lines = settings(group).map(
      ({ setting }) => `# ${setting.help}\n#${setting.variable}=${setting.default ?? ''}`,
    )
    return [`# --- ${title} ---`, ...lines].join('\n')
  })
  const intro =
    '# Copy to .env in the directory you start from. Flags and the environment win over this file.\n'
  await expect([intro, blocks.join('\n\n')].join('\n').concat('\n')).toMatchFileSnapshot('../../.env.example')
})

test('the mcpServers file that docs/configuration.md shows is read without a notice', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  const path = join(scratch(), 'servers.json')
  writeFileSync(path, /^```json\n([\s\S]*?)^```/m.exec(page)?.[1] ?? '')
  const { servers, notices } = readMcpServers(path, { tls: true, demoMode: false, demoAllowRemote: false })
  expect(notices).toEqual([])
  expect(servers).toMatchObject({
    weather: { serverName: 'weather-mcp', tls: { clientKey: join(path, '../agent.key') } },
    echo: { url: 'https://localhost:8445/mcp', tls: {} },
  })
})
