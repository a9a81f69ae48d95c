import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** Everything below a directory, by path: kind, owner, group, mode, and what it holds. */
export function treeOf(directory: string): Record<string, string> {
  const all = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()
  return Object.fromEntries(['', ...all].map((path) => [path, describe(join(directory, path))]))
}

function describe(path: string): string {
  const found = lstatSync(path)
  if (found.isSymbolicLink()) return `-> ${readlinkSync(path)}` // whose a link is makes no difference
  const whose = `${found.uid}:${found.gid} ${(found.mode & 0o777).toString(8)}`
  return found.isDirectory() ? `${whose} folder` : `${whose} ${readFileSync(path, 'latin1')}`
}

/** Owner, group and mode of a file, links followed: `12345:12345 600`. */
export function whose(directory: string, path: string): string | undefined {
  const { [path]: text } = treeOf(directory)
  if (text?.startsWith('-> ')) return whose(directory, text.slice(3))
  return text?.split(' ').slice(0, 2).join(' ')
}
