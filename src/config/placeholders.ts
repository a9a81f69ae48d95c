import { homedir } from 'node:os'

/** What placeholders in a file of a client stand for. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>
  /** What `~` means. */
  readonly home: string
  /** Where the file is. */
  readonly folder: string
}

/** What a text means, or why it means nothing; the reason shows no value. */
export type Expanded = { readonly text: string } | { readonly problem: string }

/** `${NAME}`, `${env:NAME}`, either with `:-default`, and what VS Code and Cursor write: `${userHome}`, `${workspaceFolder}`. */
export function expanded(text: string, around: Surroundings): Expanded {
  const problems: string[] = []
  const filled = text.replace(/\$\{([^{}]*)\}/g, (_whole, inside: string) => {
    const found = meaningOf(inside, around)
    if ('text' in found) return found.text
    problems.push(found.problem)
    return ''
  })
  return problems.length > 0 ? { problem: problems.join(', ') } : { text: filled }
}

/** The same of a path, which may begin with `~/`. */
export function expandedPath(path: string, around: Surroundings): Expanded {
  const atHome = /^~(?=$|[/\\])/.test(path) ? around.home + path.slice(1) : path
  return expanded(atHome, around)
}

function meaningOf(inside: string, { env, home, folder }: Surroundings): Expanded {
  if (inside === 'userHome') return { text: home }
  if (inside === 'workspaceFolder') return { text: workspaceOf(folder) }
  const [, name = '', standard] = /^(?:env:)?([A-Za-z_]\w*)(?::-([\s\S]*))?$/.exec(inside) ?? []
  if (name !== '') {
    const text = env[name] || standard
    return text === undefined ? { problem: `the variable ${name} is not set` } : { text }
  }
  if (inside.startsWith('input:')) return { problem: 'an input of VS Code cannot be asked for here' }
  return { problem: `a placeholder that is not known: allowed are ${forms}` }
}

const forms = ['NAME', 'env:NAME', 'NAME:-default'].map((inside) => `\${${inside}}`).join(', ')

/** Editors keep such a file in a folder of their own inside the workspace. */
function workspaceOf(folder: string): string {
  return folder.replace(/[/\\]\.(vscode|cursor)$/, '')
}

/** The home directory of whoever has this environment. */
export function homeOf(env: Surroundings['env']): string {
  return env.HOME || env.USERPROFILE || homedir()
}
