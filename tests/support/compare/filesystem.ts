import { mkdirSync, realpathSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { expect } from 'vitest'
import type { Behaviour, Peer, Way } from './clients.js'
import type { Note, Script } from './transcript.js'

/** One run of the file system server: a root with the same files each time, what is done there, and what answers name it. */
export interface FilesystemRun {
  readonly way: Extract<Way, { command: string }>
  readonly script: Script
  /** The root comes from the client: the program is started with another one. */
  readonly behaviour: Behaviour
}

/** Made in an empty directory. */
export function filesystemRun(directory: string): FilesystemRun {
  const [elsewhere, root] = ['elsewhere', 'root'].map((name) => {
    mkdirSync(join(directory, name))
    return realpathSync(join(directory, name))
  }) as [string, string]
  const path = (...names: string[]) => join(root, ...names)
  mkdirSync(path('notes', 'deep'), { recursive: true })
  writeFileSync(path('notes', 'poem.txt'), 'one\ntwo\nthree\nfour\n')
  writeFileSync(path('notes', 'deep', 'größe.md'), '# Größe 🦉\n')
  writeFileSync(path('dot.png'), Buffer.from('89504e470d0a1a0a', 'hex'))
  writeFileSync(path('data.bin'), Buffer.from([0, 1, 2, 255]))
  utimesSync(path('data.bin'), 1_000_000_000, 1_000_000_000)
  writeFileSync(join(elsewhere, 'secret.txt'), 'not yours')

  const tools: Script['tools'] = {
    read_file: [{ path: path('notes', 'poem.txt') }],
    read_text_file: [
      { path: path('notes', 'poem.txt'), head: 2 },
      { path: path('notes', 'poem.txt'), tail: 1 },
      { path: path('notes', 'deep', 'größe.md') },
      { path: path('nothing.txt') },
      { path: join(elsewhere, 'secret.txt') },
      {},
    ],
    read_media_file: [{ path: path('dot.png') }, { path: path('data.bin') }],
    read_multiple_files: [{ paths: [path('notes', 'poem.txt'), path('nothing.txt')] }],
    write_file: [
      { path: path('written.txt'), content: 'first\nsecond\n' },
      { path: path('large.txt'), content: 'ä'.repeat(500_000) },
      { path: join(elsewhere, 'written.txt'), content: 'no' },
    ],
    edit_file: [
      { path: path('written.txt'), edits: [{ oldText: 'first', newText: '1st' }], dryRun: true },
      { path: path('written.txt'), edits: [{ oldText: 'second', newText: '2nd' }] },
      { path: path('written.txt'), edits: [{ oldText: 'absent', newText: '' }] },
    ],
    create_directory: [{ path: path('made', 'inside') }],
    list_directory: [{ path: root }, { path: path('nowhere') }],
    list_directory_with_sizes: [{ path: root, sortBy: 'size' }, { path: root }],
    directory_tree: [{ path: root }, { path: root, excludePatterns: ['notes'] }],
    move_file: [
      { source: path('written.txt'), destination: path('made', 'moved.txt') },
      { source: path('written.txt'), destination: path('made', 'again.txt') },
    ],
    search_files: [
      { path: root, pattern: '**/*.txt' },
      { path: root, pattern: '**/*.none' },
    ],
    get_file_info: [{ path: path('data.bin') }],
    list_allowed_directories: [{}],
  }
  return {
    way: { command: process.execPath, args: [program, elsewhere] },
    behaviour: { roots: [{ uri: pathToFileURL(root).href, name: 'root' }] },
    script: {
      tools,
      before: (peer) => rootIs(root, peer),
      after: (peer, note) => read(path('large.txt'), peer, note),
      plain: (text) => {
        const named = text.replaceAll(pathToFileURL(root).href, 'ROOT').replaceAll(root, 'ROOT')
        return named.replaceAll(elsewhere, 'ELSEWHERE').replace(/^(created|accessed): .*$/gm, '$1: TIME')
      },
    },
  }
}

const program = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-filesystem/dist/index.js'))

/** It asks for the roots after the start, and takes calls before it has them. */
async function rootIs(root: string, peer: Peer): Promise<void> {
  await expect
    .poll(async () => JSON.stringify(await peer.call('list_allowed_directories', {})), { interval: 10 })
    .toContain(JSON.stringify(root).slice(1, -1))
}

/** A megabyte, and what was written arrives as it was sent. */
async function read(path: string, peer: Peer, note: Note): Promise<void> {
  await note('the large file', peer.call('read_text_file', { path }))
}
