import type { PlaceSystem } from '../config/user-places.js'
import type { Entry, Launch } from './launch.js'

/** Paths with `/`, which begin with `{home}`, `{xdg}` or `{data}` (`UserPlaces`); the first that exists counts, else the first. */
export type Paths = readonly string[] | Readonly<Record<PlaceSystem, readonly string[]>>

export type Format = 'json' | 'toml' | 'yaml'

/** A program that starts MCP servers, and where and how it wants to be told of them. */
export interface DesktopClient {
  readonly title: string
  /** Where the maker says so. */
  readonly source: string
  readonly format: Format
  /** The keys that lead to its servers. */
  readonly key: readonly string[]
  /** Those that lead to them in a file of another version, which has them. */
  readonly otherKey?: readonly string[]
  /** Its servers are a list, and each has its name in it. */
  readonly isList?: true
  readonly files: Paths
  /** Its package on Windows, where it may have come as one. */
  readonly windowsPackage?: string
  /** A variable that names the directory of the file instead; the file itself, where that has no name here. */
  readonly variable?: readonly [name: string, file: string]
  /** In the directory of a project; a client without has none, or no format of its own there. */
  readonly projectFiles?: readonly string[]
  /** What shows that the client is here, besides its file. */
  readonly signs: Paths
  /** A file that is not there yet begins with this. */
  readonly begins?: string
  readonly shape: (launch: Launch, name: string) => Entry
  /** What its servers may be called, when that is less than `usualName` allows. */
  readonly name?: NameRule
  /** What makes it read its file. */
  readonly reload: string
}

export interface NameRule {
  readonly pattern: RegExp
  readonly words: string
}

/** What every client takes, and what becomes part of the names of tools. */
export const usualName: NameRule = {
  pattern: /^[A-Za-z0-9_-]{1,64}$/,
  words: 'letters, digits, _ and -, at most 64',
}

const withEnv = (env: Launch['env'], name = 'env') =>
  Object.keys(env).length > 0 ? { [name]: { ...env } } : {}

/** What Claude Desktop began, and most clients took over. */
const common: DesktopClient['shape'] = ({ command, args, env }) => ({
  command,
  args: [...args],
  ...withEnv(env),
})

const typed =
  (type: string): DesktopClient['shape'] =>
  (launch, name) => ({ type, ...common(launch, name) })

const mcpServers = { format: 'json', key: ['mcpServers'], shape: common } as const

/** By the names that people type. */
export const desktopClients = {
  'claude-desktop': {
    ...mcpServers,
    title: 'Claude Desktop',
    source: 'https://modelcontextprotocol.io/docs/develop/connect-local-servers',
    files: ['{data}/Claude/claude_desktop_config.json'],
    // Its installer makes one since February 2026: https://github.com/anthropics/claude-code/issues/26073
    windowsPackage: 'Claude_pzs8sxrjxfjjc',
    signs: ['{data}/Claude'],
    reload: 'Quit Claude Desktop and start it again.',
  },
  'claude-code': {
    ...mcpServers,
    title: 'Claude Code',
    source: 'https://code.claude.com/docs/en/mcp',
    files: ['{home}/.claude.json'],
    variable: ['CLAUDE_CONFIG_DIR', '.claude.json'],
    projectFiles: ['.mcp.json'],
    signs: ['{home}/.claude'],
    shape: typed('stdio'),
    reload: 'Start a new session of Claude Code.',
  },
  cursor: {
    ...mcpServers,
    title: 'Cursor',
    source: 'https://cursor.com/docs/mcp',
    files: ['{home}/.cursor/mcp.json'],
    projectFiles: ['.cursor/mcp.json'],
    signs: ['{home}/.cursor'],
    reload: 'Switch the server on in the settings of Cursor, under MCP.',
  },
  vscode: {
    title: 'VS Code',
    source: 'https://code.visualstudio.com/docs/agents/reference/mcp-configuration',
    format: 'json',
    key: ['servers'],
    files: ['{data}/Code/User/mcp.json'],
    projectFiles: ['.vscode/mcp.json'],
    signs: ['{data}/Code'],
    shape: typed('stdio'),
    reload: 'Run "MCP: List Servers" in VS Code, and start the server there.',
  },
  windsurf: {
    ...mcpServers,
    title: 'Windsurf',
    source: 'https://docs.windsurf.com/windsurf/cascade/mcp',
    files: ['{home}/.codeium/windsurf/mcp_config.json'],
    signs: ['{home}/.codeium/windsurf'],
    reload: 'Refresh the MCP servers in the settings of Cascade.',
  },
  zed: {
    title: 'Zed',
    source: 'https://zed.dev/docs/ai/mcp and https://zed.dev/docs/configuring-zed',
    format: 'json',
    key: ['context_servers'],
    files: {
      darwin: ['{home}/.config/zed/settings.json'],
      linux: ['{xdg}/zed/settings.json'],
      win32: ['{data}/Zed/settings.json'],
    },
    projectFiles: ['.zed/settings.json'],
    signs: {
      darwin: ['{home}/.config/zed', '{data}/Zed'],
      linux: ['{xdg}/zed'],
      win32: ['{data}/Zed'],
    },
    shape: common,
    reload: 'Zed takes it up by itself.',
  },
  codex: {
    title: 'Codex',
    source: 'https://developers.openai.com/codex/mcp',
    format: 'toml',
    key: ['mcp_servers'],
    files: ['{home}/.codex/config.toml'],
    variable: ['CODEX_HOME', 'config.toml'],
    projectFiles: ['.codex/config.toml'],
    signs: ['{home}/.codex'],
    shape: common,
    reload: 'Start a new session of Codex.',
  },
  'gemini-cli': {
    ...mcpServers,
    title: 'Gemini CLI',
    source: 'https://geminicli.com/docs/tools/mcp-server/',
    files: ['{home}/.gemini/settings.json'],
    projectFiles: ['.gemini/settings.json'],
    signs: ['{home}/.gemini'],
    // It splits the names of tools at underscores, and then takes a wrong part for the name of the server.
    name: { pattern: /^[A-Za-z0-9-]{1,64}$/, words: 'letters, digits and -, at most 64' },
    reload: 'Run /mcp refresh, or start Gemini CLI again.',
  },
  goose: {
    title: 'goose',
    source: 'https://block.github.io/goose/docs/guides/config-files',
    format: 'yaml',
    key: ['extensions'],
    files: {
      darwin: ['{xdg}/goose/config.yaml'],
      linux: ['{xdg}/goose/config.yaml'],
      win32: ['{data}/Block/goose/config/config.yaml'],
    },
    signs: {
      darwin: ['{xdg}/goose', '{data}/Goose'],
      linux: ['{xdg}/goose'],
      win32: ['{data}/Block/goose'],
    },
    shape: ({ command, args, env }, name) => ({
      enabled: true,
      type: 'stdio',
      name,
      description: 'MCP over mutual TLS, by mcp-mtls',
      cmd: command,
      args: [...args],
      envs: { ...env },
      env_keys: [],
      timeout: 300,
    }),
    // It writes keys in lower case.
    name: { pattern: /^[a-z0-9_-]{1,64}$/, words: 'lower-case letters, digits, _ and -, at most 64' },
    reload: 'Start a new session of goose.',
  },
  opencode: {
    title: 'opencode',
    // What version 1 wants, version 2 reads as well, but not the other way around.
    source: 'https://opencode.ai/docs/mcp-servers/ and https://opencode.ai/docs/migrate-v1/',
    format: 'json',
    key: ['mcp'],
    otherKey: ['mcp', 'servers'],
    files: ['{xdg}/opencode/opencode.json', '{xdg}/opencode/opencode.jsonc'],
    projectFiles: ['opencode.json', 'opencode.jsonc'],
    signs: ['{xdg}/opencode'],
    shape: ({ command, args, env }) => ({
      type: 'local',
      command: [command, ...args],
      ...withEnv(env, 'environment'),
    }),
    reload: 'Start opencode again.',
  },
  'copilot-cli': {
    ...mcpServers,
    title: 'GitHub Copilot CLI',
    source: 'https://docs.github.com/en/copilot/how-tos/copilot-cli/customize-copilot/add-mcp-servers',
    files: ['{home}/.copilot/mcp-config.json'],
    variable: ['COPILOT_HOME', 'mcp-config.json'],
    projectFiles: ['.mcp.json'],
    signs: ['{home}/.copilot'],
    shape: (launch, name) => ({ ...typed('local')(launch, name), tools: ['*'] }),
    reload: 'Start a new session of Copilot CLI.',
  },
  continue: {
    title: 'Continue',
    source: 'https://docs.continue.dev/reference and https://docs.continue.dev/customize/deep-dives/mcp',
    format: 'yaml',
    key: ['mcpServers'],
    isList: true,
    files: ['{home}/.continue/config.yaml'],
    signs: ['{home}/.continue'],
    begins: 'name: Local Config\nversion: 1.0.0\nschema: v1\n',
    shape: (launch, name) => ({ name, ...common(launch, name) }),
    reload: 'Continue takes it up by itself; its tools are there in agent mode.',
  },
  kiro: {
    ...mcpServers,
    title: 'Kiro',
    source: 'https://kiro.dev/docs/mcp/configuration',
    files: ['{home}/.kiro/settings/mcp.json'],
    projectFiles: ['.kiro/settings/mcp.json'],
    signs: ['{home}/.kiro'],
    reload: 'Kiro takes it up by itself.',
  },
  'lm-studio': {
    ...mcpServers,
    title: 'LM Studio',
    source: 'https://lmstudio.ai/docs/app/mcp',
    // Installations that began before 0.3 have the second.
    files: ['{home}/.lmstudio/mcp.json', '{home}/.cache/lm-studio/mcp.json'],
    signs: ['{home}/.lmstudio', '{home}/.cache/lm-studio'],
    reload: 'LM Studio takes it up by itself.',
  },
  amp: {
    title: 'Amp',
    source: 'https://ampcode.com/manual#configuration',
    format: 'json',
    key: ['amp.mcpServers'],
    files: ['{home}/.config/amp/settings.json', '{home}/.config/amp/settings.jsonc'],
    projectFiles: ['.amp/settings.json', '.amp/settings.jsonc'],
    signs: ['{home}/.config/amp'],
    shape: common,
    reload: 'Start Amp again.',
  },
  cline: {
    ...mcpServers,
    title: 'Cline',
    source: 'https://docs.cline.bot/getting-started/config',
    // The second is that of the extension of VS Code, before all its forms shared one.
    files: [
      '{home}/.cline/data/settings/cline_mcp_settings.json',
      '{data}/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json',
    ],
    variable: ['CLINE_MCP_SETTINGS_PATH', ''],
    signs: ['{home}/.cline', '{data}/Code/User/globalStorage/saoudrizwan.claude-dev'],
    reload: 'Cline takes it up by itself.',
  },
} as const satisfies Record<string, DesktopClient>

export type ClientName = keyof typeof desktopClients

export const clientNames = Object.keys(desktopClients) as ClientName[]

/** The row of a client. */
export function desktopClient(name: ClientName): DesktopClient {
  return desktopClients[name]
}
