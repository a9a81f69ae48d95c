// Certificate directories in which something is mounted, each in a mount namespace of its own.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeCertificateSet } from '../../src/pki/index.js'
import { runAll, runCli } from '../support/cli.js'
import { treeOf } from '../support/file-tree.js'
import { scratch } from '../support/scratch.js'
import { describeWith, onPath } from '../support/tools.js'

const ownMounts = ['--mount', '--propagation', 'private']
const mayMount =
  onPath('unshare') !== undefined &&
  spawnSync('unshare', [...ownMounts, 'mount', '--bind', '/tmp', '/tmp']).status === 0

/** A folder with `host`, the files of a host, and `certs`, the same as plain files or as our links. */
async function folderWith(kind: 'plain' | 'ours'): Promise<string> {
  const folder = join(scratch(), 'a folder')
  const [host, certDir] = [join(folder, 'host'), join(folder, 'certs')]
  mkdirSync(folder)
  await makeCertificateSet({ certDir })
  cpSync(certDir, host, { recursive: true, dereference: true, filter: (path) => !/\/\./.test(path) })
  if (kind === 'plain') {
    spawnSync('rm', ['-r', certDir])
    cpSync(host, certDir, { recursive: true })
  }
  return folder
}

/** Runs commands where these mounts are, and gives what each wrote to stderr, and its exit code when it is not 0. */
function run(cwd: string, mounts: readonly string[], ...commands: readonly (readonly string[])[]): string[] {
  const script = ['set -e', ...mounts.map((mount) => `mount ${mount}`), 'exec "$@"'].join('\n')
  return runAll(commands, { cwd, through: ['unshare', ...ownMounts, 'sh', '-c', script, 'sh'] })
}

const changing = [
  ['cert-renew', '--all'],
  ['cert-gen', '--force'],
  ['cert-renew', 'certs/server.crt', '--all'],
]

describeWith('mount namespace', mayMount, 'a single file mounted into a certificate directory', () => {
  test.each(['plain', 'ours'] as const)(
    '%s: is not replaced, in words, and nothing is written',
    async (kind) => {
      const cwd = await folderWith(kind)
      const before = treeOf(cwd)
      const told = run(cwd, ['--bind host/server.crt certs/server.crt'], ...changing)
      expect(told).toHaveLength(changing.length)
      for (const text of told) {
        expect(text).toMatch(
          /^error: CERT_WRITE_FAILED: \S.*\/certs\/server\.crt is a mount of its own and cannot be replaced from here/,
        )
        expect(text).toContain('hint: Renew where the files come from, or mount the whole directory')
        expect(text).toMatch(/exit 1$/)
      }
      expect(treeOf(cwd)).toEqual(before)
    },
  )

  test('where the system does not tell of its mounts, nothing is left of the try either', async () => {
    const cwd = await folderWith('plain')
    const before = treeOf(cwd)
    const mounts = ['--bind host/server.key certs/server.key', '-t tmpfs tmpfs /proc']
    const [told] = run(cwd, mounts, ['cert-renew', '--all'])
    expect(told).toMatch(
      /^error: CERT_WRITE_FAILED: \S.*\/certs cannot be written: a file in it is a mount of its own and cannot be replaced from here\nhint: Renew where/,
    )
    expect(treeOf(cwd)).toEqual(before)
  })

  test('a list is not revoked into, and nothing is half revoked', async () => {
    const cwd = await folderWith('plain')
    await runCli(['cert-revoke', 'certs/server.crt'], { cwd })
    cpSync(join(cwd, 'certs/ca.crl'), join(cwd, 'host/ca.crl'))
    const before = treeOf(cwd)
    const [told] = run(cwd, ['--bind host/ca.crl certs/ca.crl'], ['cert-revoke', 'certs/client.crt'])
    expect(told).toMatch(/certs\/ca\.crl is a mount of its own/)
    expect(treeOf(cwd)).toEqual(before)
  })

  test.each(['plain', 'ours'] as const)('%s: what does not touch it goes on beside it', async (kind) => {
    const cwd = await folderWith(kind)
    const told = run(
      cwd,
      ['--bind host/server.crt certs/server.crt', '--bind host/server.key certs/server.key'],
      ['cert-gen', 'client', 'bob'],
      ['cert-revoke', 'certs/client.crt'],
      ['cert-renew', '--all', 'certs/bob.crt'],
    )
    expect(told).toEqual(['', '', ''])
    expect(existsSync(join(cwd, 'certs', 'bob.key'))).toBe(true)
    expect(readFileSync(join(cwd, 'certs', 'server.crt'), 'utf8')).toBe(
      readFileSync(join(cwd, 'host', 'server.crt'), 'utf8'),
    )
  })

  test('a generation in which one is mounted is left when its time is over', async () => {
    const cwd = await folderWith('ours')
    const age = (days: number) =>
      spawnSync('sh', ['-c', `touch -d '${days} days ago' certs/.generations/*`], { cwd })
    for (const name of ['a', 'b', 'c']) await runCli(['cert-gen', 'client', name], { cwd })
    age(30)
    const told = run(
      cwd,
      ['--bind host/server.crt certs/.generations/0001/server.crt'],
      ['cert-gen', 'client', 'd'],
    )
    expect(told).toEqual([''])
    expect(existsSync(join(cwd, 'certs', 'd.key'))).toBe(true)
  })

  test.each([
    ['a file that is mounted alone', 'host/server.crt certs/server.crt', 'BEGIN CERTIFICATE'],
    ['a directory that is mounted', 'host certs', 'renewed'],
  ])('of what is renewed outside, %s shows what is expected', async (_what, mount, expected) => {
    const cwd = await folderWith('plain')
    const script = `mount --bind ${mount}; echo renewed >host/next; mv host/next host/server.crt; cat certs/server.crt`
    const { stdout } = spawnSync('unshare', [...ownMounts, 'sh', '-ec', script], { cwd, encoding: 'utf8' })
    expect(stdout).toContain(expected)
    expect(readFileSync(join(cwd, 'host', 'server.crt'), 'utf8')).toBe('renewed\n')
  })
})

/** A folder of the image of a container, below what is written while it runs. */
const overlay = '-t overlay overlay -o lowerdir=image,upperdir=layer/upper,workdir=layer/work certs'
const layers = 'mkdir certs layer; mount -t tmpfs tmpfs layer; mkdir layer/upper layer/work'
const mayOverlay = mayMount && canOverlay()

function canOverlay(): boolean {
  const cwd = mkdtempSync(join(tmpdir(), 'mcp-mtls-test-'))
  const script = `mkdir image; ${layers}; mount ${overlay}`
  const { status } = spawnSync('unshare', [...ownMounts, 'sh', '-ec', script], { cwd })
  rmSync(cwd, { recursive: true })
  return status === 0
}

describeWith('overlay', mayOverlay, 'a directory in the image of a container', () => {
  test('that was copied into it with links followed is taken', async () => {
    const cwd = await folderWith('ours')
    const script = `cp -rL certs image; rm -r certs; ${layers}; mount ${overlay}; exec "$@"`
    const commands = [['cert-renew', '--all'], ['cert-revoke', 'certs/client.crt'], ['cert-list']]
    expect(runAll(commands, { cwd, through: ['unshare', ...ownMounts, 'sh', '-ec', script, 'sh'] })).toEqual([
      '',
      '',
      '',
    ])
  })
})

describeWith('mount namespace', mayMount, 'a read-only mount', () => {
  test.each([
    ['the directory', ['--bind certs certs', '-o remount,ro,bind certs']],
    [
      'its generations',
      ['--bind certs/.generations certs/.generations', '-o remount,ro,bind certs/.generations'],
    ],
    ['a file in it', ['--bind host/server.crt certs/server.crt', '-o remount,ro,bind certs/server.crt']],
  ])('%s: is not written to, in words', async (_what, mounts) => {
    const cwd = await folderWith('ours')
    const before = treeOf(cwd)
    const [told, checked] = run(cwd, mounts, ['cert-renew', '--all'], ['cert-check'])
    expect(checked).toBe('')
    expect(told).toMatch(/^error: CERT_WRITE_FAILED: .*(is read-only|is a mount of its own)/)
    expect(told).toContain('hint: Renew where the files come from, or mount the whole directory')
    expect(treeOf(cwd)).toEqual(before)
  })

  test('links of somebody to files there are replaced by ours', async () => {
    const cwd = await folderWith('plain')
    spawnSync('sh', ['-c', 'rm certs/server.*; ln -s ../host/server.crt ../host/server.key certs/'], { cwd })
    writeFileSync(join(cwd, 'before'), readFileSync(join(cwd, 'host/server.crt')))
    const told = run(cwd, ['--bind host host', '-o remount,ro,bind host'], ['cert-renew', '--all'])
    expect(told).toEqual([''])
    expect(readFileSync(join(cwd, 'certs/server.crt'))).not.toEqual(readFileSync(join(cwd, 'before')))
    expect(readFileSync(join(cwd, 'host/server.crt'))).toEqual(readFileSync(join(cwd, 'before')))
  })
})
