// Files of desktop clients that belong to others, and on a file system that is really full.
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { bin, runCli, runProcess } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { describeWith, onPath } from '../support/tools.js'

const ownMounts = ['--mount', '--propagation', 'private']
const mayMount =
  onPath('unshare') !== undefined &&
  spawnSync('unshare', [...ownMounts, 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0
const nobody = { uid: 65534, gid: 65534 }
/** Root, and what is built may be run by everybody. */
const maySwitch =
  process.geteuid?.() === 0 && spawnSync(process.execPath, [bin, '--version'], nobody).status === 0

const url = 'https://weather.example.org:8443/mcp'
const install = ['client-config', url, '--client', 'cursor', '--install']
const text = '{\n  "mcpServers": {}\n}\n'

/** A home directory of this user. */
function home(uid: number): { home: string; file: string } {
  const directory = scratch()
  const cursor = join(directory, '.cursor')
  mkdirSync(cursor)
  const file = join(cursor, 'mcp.json')
  writeFileSync(file, text, { mode: 0o640 })
  for (const path of [directory, cursor, file]) chownSync(path, uid, uid)
  return { home: directory, file }
}

describeWith('root', maySwitch, 'a client of another user', () => {
  test('keeps its file: owner and mode are those of before, of the copy too', async () => {
    const { home: HOME, file } = home(1234)
    expect(await runCli(install, { cwd: HOME, env: { HOME } })).toMatchObject({ exitCode: 0 })
    for (const path of [file, `${file}.mcp-mtls.bak`]) {
      const { uid, gid, mode } = statSync(path)
      expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: 1234, gid: 1234, mode: 0o640 })
    }
  })

  test('gets a new file that is its own', async () => {
    const { home: HOME } = home(1234)
    mkdirSync(join(HOME, '.codex'))
    chownSync(join(HOME, '.codex'), 1234, 1234)
    const codex = ['client-config', url, '--client', 'codex', '--install']
    expect(await runCli(codex, { cwd: HOME, env: { HOME } })).toMatchObject({ exitCode: 0 })
    const { uid, gid, mode } = statSync(join(HOME, '.codex/config.toml'))
    expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: 1234, gid: 1234, mode: 0o600 })
  })

  test.each<readonly [what: string, file: number, directory: number, problem: RegExp]>([
    ['a file that may not be read', 0o600, 0o755, /mcp\.json cannot be read \(EACCES\)/],
    ['a directory that may not be written', 0o644, 0o755, /\.cursor cannot be written: permission denied/],
    ['a directory that may not be entered', 0o644, 0o700, /cannot be (read|used)/],
  ])('%s is told, and nothing changes', async (_what, fileMode, directoryMode, problem) => {
    const { home: HOME, file } = home(0)
    chmodSync(HOME, 0o755)
    chmodSync(file, fileMode)
    chmodSync(join(file, '..'), directoryMode)
    const { exitCode, stderr } = await runProcess(install, {
      cwd: '/',
      env: { HOME },
      ...nobody,
    })
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringMatching(problem) })
    expect(stderr).toContain('error: CLIENT_CONFIG_FAILED: ')
    expect(readFileSync(file, 'utf8')).toBe(text)
    expect(readdirSync(join(file, '..'))).toEqual(['mcp.json'])
  })
})

describeWith('mount namespace', mayMount, 'a full disk', () => {
  test('is told, and the file is as it was', () => {
    const directory = scratch()
    const script = `
      set -e
      mount -t tmpfs -o size=64k none "$0"
      mkdir "$0/.cursor"
      printf '%s' '{"mcpServers": {}, "history": "' > "$0/.cursor/mcp.json"
      head -c 8000 /dev/zero | tr '\\0' x >> "$0/.cursor/mcp.json"
      printf '%s' '"}' >> "$0/.cursor/mcp.json"
      before=$(cksum < "$0/.cursor/mcp.json")
      head -c 100000 /dev/zero > "$0/filler" 2> /dev/null || true
      HOME="$0" "$@" || echo "exit $?"
      test "$before" = "$(cksum < "$0/.cursor/mcp.json")" && echo unchanged
      ls -A "$0/.cursor"`
    const args = ['sh', '-c', script, directory, process.execPath, bin, ...install]
    const { stdout, stderr } = spawnSync('unshare', [...ownMounts, ...args], { encoding: 'utf8', cwd: '/' })
    expect(stderr).toContain('.cursor cannot be written: the disk is full')
    expect(stdout).toBe('exit 1\nunchanged\nmcp.json\n')
  })
})
