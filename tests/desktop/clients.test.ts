import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { userPlaces } from '../../src/config/user-places.js'
import { clientNames, desktopClient, usualName } from '../../src/desktop/clients.js'
import { printed, withEntry } from '../../src/desktop/edit.js'
import { isOurs, launchOf, urlsOf } from '../../src/desktop/launch.js'
import { fileOf, filesOf, isHere } from '../../src/desktop/places.js'
import { defaultName, requireName } from '../../src/desktop/server-name.js'
import { launch } from '../support/desktop.js'
import { scratch } from '../support/scratch.js'

const linux = userPlaces({ HOME: '/home/me' }, 'linux')
const xdg = userPlaces({ HOME: '/home/me', XDG_CONFIG_HOME: '/etc/me' }, 'linux')
const mac = userPlaces({ HOME: '/Users/me' }, 'darwin')
const windows = userPlaces(
  { USERPROFILE: 'C:\\Users\\me', APPDATA: 'D:\\Roaming', HOME: '/c/Users/me' },
  'win32',
)

const file = (name: (typeof clientNames)[number], places = linux) =>
  filesOf(desktopClient(name), 'user', places, '/project')[0]

describe('where the files are', () => {
  test.each<readonly [(typeof clientNames)[number], linux: string, mac: string, windows: string]>([
    [
      'claude-desktop',
      '/home/me/.config/Claude/claude_desktop_config.json',
      '/Users/me/Library/Application Support/Claude/claude_desktop_config.json',
      'D:\\Roaming\\Claude\\claude_desktop_config.json',
    ],
    ['claude-code', '/home/me/.claude.json', '/Users/me/.claude.json', 'C:\\Users\\me\\.claude.json'],
    ['cursor', '/home/me/.cursor/mcp.json', '/Users/me/.cursor/mcp.json', 'C:\\Users\\me\\.cursor\\mcp.json'],
    [
      'vscode',
      '/home/me/.config/Code/User/mcp.json',
      '/Users/me/Library/Application Support/Code/User/mcp.json',
      'D:\\Roaming\\Code\\User\\mcp.json',
    ],
    [
      'windsurf',
      '/home/me/.codeium/windsurf/mcp_config.json',
      '/Users/me/.codeium/windsurf/mcp_config.json',
      'C:\\Users\\me\\.codeium\\windsurf\\mcp_config.json',
    ],
    [
      'zed',
      '/home/me/.config/zed/settings.json',
      '/Users/me/.config/zed/settings.json',
      'D:\\Roaming\\Zed\\settings.json',
    ],
    [
      'codex',
      '/home/me/.codex/config.toml',
      '/Users/me/.codex/config.toml',
      'C:\\Users\\me\\.codex\\config.toml',
    ],
    [
      'gemini-cli',
      '/home/me/.gemini/settings.json',
      '/Users/me/.gemini/settings.json',
      'C:\\Users\\me\\.gemini\\settings.json',
    ],
    [
      'goose',
      '/home/me/.config/goose/config.yaml',
      '/Users/me/.config/goose/config.yaml',
      'D:\\Roaming\\Block\\goose\\config\\config.yaml',
    ],
    [
      'opencode',
      '/home/me/.config/opencode/opencode.json',
      '/Users/me/.config/opencode/opencode.json',
      'C:\\Users\\me\\.config\\opencode\\opencode.json',
    ],
    [
      'copilot-cli',
      '/home/me/.copilot/mcp-config.json',
      '/Users/me/.copilot/mcp-config.json',
      'C:\\Users\\me\\.copilot\\mcp-config.json',
    ],
    [
      'continue',
      '/home/me/.continue/config.yaml',
      '/Users/me/.continue/config.yaml',
      'C:\\Users\\me\\.continue\\config.yaml',
    ],
    [
      'kiro',
      '/home/me/.kiro/settings/mcp.json',
      '/Users/me/.kiro/settings/mcp.json',
      'C:\\Users\\me\\.kiro\\settings\\mcp.json',
    ],
    [
      'lm-studio',
      '/home/me/.lmstudio/mcp.json',
      '/Users/me/.lmstudio/mcp.json',
      'C:\\Users\\me\\.lmstudio\\mcp.json',
    ],
    [
      'amp',
      '/home/me/.config/amp/settings.json',
      '/Users/me/.config/amp/settings.json',
      'C:\\Users\\me\\.config\\amp\\settings.json',
    ],
    [
      'cline',
      '/home/me/.cline/data/settings/cline_mcp_settings.json',
      '/Users/me/.cline/data/settings/cline_mcp_settings.json',
      'C:\\Users\\me\\.cline\\data\\settings\\cline_mcp_settings.json',
    ],
  ])('%s', (name, ...paths) => {
    expect([file(name, linux), file(name, mac), file(name, windows)]).toEqual(paths)
  })

  test('there is a row for each of the sixteen', () => {
    expect(clientNames).toHaveLength(16)
  })

  test('XDG_CONFIG_HOME counts where a client asks for it, and only when it is absolute', () => {
    expect(file('zed', xdg)).toBe('/etc/me/zed/settings.json')
    expect(file('vscode', xdg)).toBe('/etc/me/Code/User/mcp.json')
    expect(file('amp', xdg)).toBe('/home/me/.config/amp/settings.json')
    expect(file('zed', userPlaces({ HOME: '/home/me', XDG_CONFIG_HOME: 'here' }, 'linux'))).toBe(
      '/home/me/.config/zed/settings.json',
    )
  })

  test('%APPDATA% has its usual place when it is not set', () => {
    const places = userPlaces({ USERPROFILE: 'C:\\Users\\me' }, 'win32')
    expect(file('vscode', places)).toBe('C:\\Users\\me\\AppData\\Roaming\\Code\\User\\mcp.json')
  })

  test('Claude Desktop from a package of Windows reads what is in the package, and nothing else', () => {
    const own = 'C:\\Users\\me\\AppData\\Local\\Packages\\Claude_pzs8sxrjxfjjc'
    const files = (there: string, places = windows) =>
      filesOf(desktopClient('claude-desktop'), 'user', places, '', (path) => path === there)
    expect(files(own)).toEqual([`${own}\\LocalCache\\Roaming\\Claude\\claude_desktop_config.json`])
    expect(files('')).toEqual(['D:\\Roaming\\Claude\\claude_desktop_config.json'])
    const elsewhere = userPlaces({ USERPROFILE: 'C:\\Users\\me', LOCALAPPDATA: 'E:\\Local' }, 'win32')
    expect(files('E:\\Local\\Packages\\Claude_pzs8sxrjxfjjc', elsewhere)[0]).toMatch(/^E:\\Local/)
  })

  test('Cline has a variable for the file itself', () => {
    const set = userPlaces({ HOME: '/home/me', CLINE_MCP_SETTINGS_PATH: '/elsewhere/mine.json' }, 'linux')
    expect(file('cline', set)).toBe('/elsewhere/mine.json')
  })

  test.each([
    ['codex', 'CODEX_HOME', '/elsewhere/config.toml'],
    ['claude-code', 'CLAUDE_CONFIG_DIR', '/elsewhere/.claude.json'],
    ['copilot-cli', 'COPILOT_HOME', '/elsewhere/mcp-config.json'],
  ] as const)('%s is where %s says', (name, variable, path) => {
    expect(file(name, userPlaces({ HOME: '/home/me', [variable]: '/elsewhere' }, 'linux'))).toBe(path)
  })

  test('a project has files of its own, for clients that have such', () => {
    const project = (name: (typeof clientNames)[number]) =>
      filesOf(desktopClient(name), 'project', linux, '/project')
    expect(project('cursor')).toEqual(['/project/.cursor/mcp.json'])
    expect(project('opencode')).toEqual(['/project/opencode.json', '/project/opencode.jsonc'])
    expect(project('claude-desktop')).toEqual([])
    expect(fileOf(desktopClient('claude-desktop'), 'project', linux, '/project')).toBeUndefined()
  })

  test('of several files the one that exists counts, and what shows a client is any of its places', () => {
    const home = scratch()
    const places = userPlaces({ HOME: home }, 'linux')
    const opencode = desktopClient('opencode')
    expect(isHere(opencode, places)).toBe(false)
    const path = join(home, '.config/opencode/opencode.jsonc')
    expect(fileOf(opencode, 'user', places, home)).toBe(path.replace('jsonc', 'json'))
    mkdirSync(dirname(path), { recursive: true })
    expect(isHere(opencode, places)).toBe(true)
    writeFileSync(path, '{}')
    expect(fileOf(opencode, 'user', places, home)).toBe(path)
  })
})

describe.each(clientNames)('%s', (name) => {
  const client = desktopClient(name)

  test('an entry starts what it should, in its own form, and is known as ours', () => {
    const wanted = launch({ TLS_KEY_PASSPHRASE_FILE: '/secret' })
    const entry = client.shape(wanted, 'weather')
    expect(launchOf(entry)).toEqual(wanted)
    expect(isOurs(entry)).toBe(true)
    expect(urlsOf(entry)).toEqual(['https://weather.example.org:8443/mcp'])
  })

  test('what is printed is what a file gets that has nothing else', () => {
    const entry = client.shape(launch(), 'weather')
    expect(withEntry(client, undefined, 'weather', entry)).toBe(
      (client.begins ?? '') + printed(client, 'weather', entry),
    )
  })

  test('says where its maker describes it, and what makes it read its file', () => {
    expect(client.source).toMatch(/^https:\/\//)
    expect(client.reload).toMatch(/\.$/)
  })
})

test.each<readonly [entry: unknown, isOurs: boolean]>([
  [{ command: 'npx', args: ['-y', 'mcp-mtls', 'bridge', 'https://a/mcp'] }, true],
  [{ command: 'npx', args: ['-y', 'mcp-mtls@1.2.3', 'bridge', 'https://a/mcp'] }, true],
  [{ command: '/usr/local/bin/mcp-mtls', args: ['bridge', 'https://a/mcp'] }, true],
  [{ command: 'C:\\npm\\mcp-mtls.cmd', args: ['bridge', 'https://a/mcp'] }, true],
  [{ command: ['node', '/x/mcp-mtls.js', 'bridge', 'https://a/mcp'] }, true],
  [{ command: 'mcp-mtls', args: ['expose', 'bridge'] }, false],
  [{ command: 'npx', args: ['not-mcp-mtls', 'bridge'] }, false],
  [{ command: 'npx', args: 'mcp-mtls bridge' }, false],
  [{ url: 'https://a/mcp' }, false],
  [{ command: 5 }, false],
  [null, false],
  ['mcp-mtls bridge', false],
])('%j: ours is %j', (entry, expected) => {
  expect(isOurs(entry)).toBe(expected)
})

test.each([
  [['https://weather.example.org:8443/mcp'], 'weather'],
  [['https://Gateway.corp/echo/mcp'], 'gateway-echo'],
  [['https://localhost:8443/mcp'], 'localhost-8443'],
  [['https://10.0.0.5/mcp'], '10-0-0-5-443'],
  [['https://[::1]:8443/mcp'], '1-8443'],
  [['https://a.org/mcp', 'https://b.org/mcp'], 'mcp-mtls'],
  [
    ['https://a.org/very/long/path/that/goes/on/and/on/and/on/and/on'],
    'a-very-long-path-that-goes-on-and-on-and',
  ],
])('the server at %j is called %s, which every client takes', (urls, name) => {
  expect(defaultName(urls.map((url) => new URL(url)))).toBe(name)
  for (const one of clientNames) requireName(desktopClient(one), name)
})

test('names that a client does not take are refused with what it takes', () => {
  const refused = (client: (typeof clientNames)[number], name: string) =>
    expect(() => requireName(desktopClient(client), name)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('Use ') }),
    )
  for (const name of ['', 'a b', 'a.b', '../a', 'ä', 'a'.repeat(65)]) refused('cursor', name)
  refused('gemini-cli', 'a_b')
  refused('goose', 'Weather')
  expect(usualName.pattern.test('My_Server-1')).toBe(true)
})
