import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { idOf } from './agents.js'
import { scratch } from './scratch.js'

/** What each agent may use; `undefined` for what it may not. */
export type Grants = Readonly<Record<string, Grant>>

interface Grant {
  readonly tools?: readonly string[]
  readonly prompts?: readonly string[]
  readonly resources?: readonly string[]
  readonly limit?: object
}

/** A policy in which each agent may use this, as a text and as an object. */
export function policyOf(grants: Grants, mode: 'enforce' | 'report' = 'enforce') {
  const rules = Object.entries(grants).map(([agent, grant]) => ({
    name: `of ${agent}`,
    allow: [idOf(agent)],
    ...grant,
  }))
  return { mode, rules }
}

export function policyText(grants: Grants, mode?: 'enforce' | 'report'): string {
  return JSON.stringify(policyOf(grants, mode), undefined, 2)
}

/** A policy in a directory of its own. */
export interface PolicyFile {
  readonly path: string
  write(text: string | Buffer): void
}

const mode = 0o600

/** Ways in which a file is changed. Each makes one, with a first text, that it changes by `write`. */
export const writers: Readonly<Record<string, (first: string) => PolicyFile>> = {
  'rewritten in place': (first) => {
    const path = join(scratch(), 'policy.yaml')
    const write = (text: string | Buffer) => writeFileSync(path, text, { mode })
    write(first)
    return { path, write }
  },
  'renamed over it': (first) => {
    const path = join(scratch(), 'policy.yaml')
    const write = (text: string | Buffer) => {
      writeFileSync(`${path}.new`, text, { mode })
      renameSync(`${path}.new`, path)
    }
    write(first)
    return { path, write }
  },
  'the symlink of a Kubernetes volume': (first) => {
    const directory = scratch()
    const path = join(directory, 'policy.yaml')
    const write = (text: string | Buffer) => {
      const version = `..${crypto.randomUUID()}`
      mkdirSync(join(directory, version))
      writeFileSync(join(directory, version, 'policy.yaml'), text, { mode })
      symlinkSync(version, join(directory, '..data_tmp'))
      renameSync(join(directory, '..data_tmp'), join(directory, '..data'))
    }
    write(first)
    symlinkSync(join('..data', 'policy.yaml'), path)
    return { path, write }
  },
  'removed and created, as some editors do': (first) => {
    const path = join(scratch(), 'policy.yaml')
    const write = (text: string | Buffer) => {
      rmSync(path, { force: true })
      writeFileSync(path, text, { mode })
    }
    write(first)
    return { path, write }
  },
  'moved away and created, as vi does': (first) => {
    const path = join(scratch(), 'policy.yaml')
    writeFileSync(path, first, { mode })
    const write = (text: string | Buffer) => {
      renameSync(path, `${path}~`)
      writeFileSync(path, text, { mode })
      unlinkSync(`${path}~`)
    }
    return { path, write }
  },
  'the file that a link to another directory leads to': (first) => {
    const target = join(scratch(), 'team-policy.yaml')
    const write = (text: string | Buffer) => writeFileSync(target, text, { mode })
    write(first)
    const path = join(scratch(), 'policy.yaml')
    symlinkSync(target, path)
    return { path, write }
  },
  'below a link to a directory that is switched': (first) => {
    const releases = scratch()
    let release = 0
    const write = (text: string | Buffer) => {
      const directory = join(releases, String(++release))
      mkdirSync(directory)
      writeFileSync(join(directory, 'policy.yaml'), text, { mode })
      symlinkSync(directory, join(releases, 'next'))
      renameSync(join(releases, 'next'), join(releases, 'current'))
    }
    write(first)
    const path = join(scratch(), 'policy.yaml')
    symlinkSync(join(releases, 'current', 'policy.yaml'), path)
    return { path, write }
  },
}

export const policyFile = writers['renamed over it'] as (first: string) => PolicyFile
