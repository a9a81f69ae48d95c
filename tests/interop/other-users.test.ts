// What root or another user does in the certificate directory of a service.
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  lchownSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeCertificateSet } from '../../src/pki/index.js'
import { readCertificate } from '../../src/x509/certificate.js'
import { bin, runAll, runCli, runProcess, startCli } from '../support/cli.js'
import { treeOf } from '../support/file-tree.js'
import { scratch } from '../support/scratch.js'
import { describeWith, onPath } from '../support/tools.js'
import { ask, toolCall } from '../support/wire.js'

/** Numbers that no user of this machine should have. */
const service = { uid: 12345, gid: 12346 }
const stranger = { uid: 54321, gid: 54321 }
/** The group that reads the keys of the service. */
const readers = 23456

const isRoot = process.geteuid?.() === 0
/** Root, and what is built may be run by everybody. */
const maySwitch = isRoot && spawnSync(process.execPath, [bin, '--version'], { ...stranger }).status === 0

/** A folder of the service with `certs`. */
async function serviceFolder(): Promise<string> {
  const folder = scratch()
  await makeCertificateSet({ certDir: join(folder, 'certs') })
  giveAll(folder, service.uid, service.gid)
  return folder
}

/** Gives everything below a directory to somebody. */
function giveAll(directory: string, uid: number, gid: number): void {
  for (const path of ['', ...readdirSync(directory, { recursive: true, encoding: 'utf8' })])
    lchownSync(join(directory, path), uid, gid)
}

type Command = readonly string[]

/** Runs a command as root, in this process. */
async function done(args: Command, cwd: string): Promise<string> {
  const { exitCode, stdout, stderr } = await runCli(args, { cwd })
  expect(exitCode, stderr).toBe(0)
  return stdout
}

/** The owners of everything in a directory. */
function owners(directory: string): string[] {
  const all = Object.entries(treeOf(directory)).filter(([, text]) => !text.startsWith('-> '))
  return [...new Set(all.map(([, text]) => text.split(' ')[0] ?? ''))]
}

const modeOf = (directory: string, path: string) => treeOf(directory)[path]?.split(' ')[1]
const serialOf = (path: string) => readCertificate(readFileSync(path)).serial
const hello = toolCall('echo', { text: 'hello' })

describeWith('root', maySwitch, "root in a service's directory", () => {
  test('what root revokes, issues and renews is taken up by the running service', async () => {
    const cwd = await serviceFolder()
    const certDir = join(cwd, 'certs')
    await done(['cert-gen', 'client', 'alice'], cwd)
    const running = startCli(['serve', 'echo', '--tls-port', '0'], { cwd, ...service })
    const [url] = await running.printed(/https:[^\s"]+\/mcp/)
    const as = (name: string) =>
      ask(url, certDir, {
        body: hello,
        tls: {
          cert: readFileSync(join(certDir, `${name}.crt`)),
          key: readFileSync(join(certDir, `${name}.key`)),
        },
      })
    expect((await as('alice')).status).toBe(200)

    await done(['cert-revoke', 'certs/alice.crt'], cwd)
    await expect.poll(async () => (await as('alice')).body).toContain('CERT_REVOKED')
    await done(['cert-gen', 'client', 'bob'], cwd)
    expect((await as('bob')).status).toBe(200)
    await done(['cert-renew', '--all'], cwd)
    await running.printed(new RegExp(`reload-succeeded.*${serialOf(join(certDir, 'server.crt'))}`))
    expect((await as('bob')).status).toBe(200)
    expect((await as('alice')).body).toContain('CERT_REVOKED')
    expect(owners(certDir)).toEqual([`${service.uid}:${service.gid}`])
    // The service goes on by itself, with what root left.
    expect((await runProcess(['cert-renew', '--all'], { cwd, ...service })).stderr).toBe('')
    await running.printed(new RegExp(`reload-succeeded.*${serialOf(join(certDir, 'server.crt'))}`))
    running.process.kill('SIGTERM')
    expect((await running.finished).stderr).not.toContain('reload-failed')
  })

  test('a key that a group reads, and a directory that it enters, stay so', async () => {
    const cwd = await serviceFolder()
    const certDir = join(cwd, 'certs')
    chmodSync(cwd, 0o755)
    const operations = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8')
    const [, commands = ''] = /^```sh\n(chgrp [\s\S]*?)^```/m.exec(operations) ?? []
    const { stderr } = spawnSync('sh', ['-ec', commands.replace('mcp-readers', `${readers}`)], {
      cwd,
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    for (const command of [['cert-renew', '--all'], ['cert-gen', 'client', 'bob'], ['cert-rotate-ca']]) {
      await done(command, cwd)
      const reader = spawnSync('cat', [join(certDir, 'server.key')], { uid: stranger.uid, gid: readers })
      expect(String(reader.stdout)).toBe(readFileSync(join(certDir, 'server.key'), 'utf8'))
      expect(modeOf(join(certDir, '.current'), 'server.key')).toBe('640')
      for (const name of readdirSync(join(certDir, '.current')).filter((name) =>
        /^(bob|client|ca)\.key/.test(name),
      ))
        expect(modeOf(join(certDir, '.current'), name)).toBe('600')
      expect(owners(certDir)).toEqual([`${service.uid}:${readers}`])
    }
    expect(await done(['cert-check', '--json'], cwd)).not.toContain('FILE_MODE')
  })

  test('a CA of root beside a directory of the service: each stays whose it is', async () => {
    const cwd = scratch()
    await done(['cert-gen', 'client', 'agent', '--cert-dir', 'party', '--ca-dir', 'ca'], cwd)
    giveAll(join(cwd, 'party'), service.uid, service.gid)
    for (const command of [
      ['cert-renew', '--all'],
      ['cert-rotate-ca'],
      ['cert-revoke', 'party/agent.crt', '--force'],
    ])
      await done([...command, '--cert-dir', 'party', '--ca-dir', 'ca'], cwd)
    expect(owners(join(cwd, 'party'))).toEqual([`${service.uid}:${service.gid}`])
    expect(owners(join(cwd, 'ca'))).toEqual(['0:0'])
  })

  test('plain files are replaced by files like them, and what is kept of them is like them too', async () => {
    const cwd = await serviceFolder()
    const certDir = join(cwd, 'plain')
    cpSync(join(cwd, 'certs'), certDir, {
      recursive: true,
      dereference: true,
      filter: (path) => !/\/\./.test(path),
    })
    giveAll(certDir, service.uid, service.gid)
    chownSync(join(certDir, 'server.key'), 0, readers)
    chmodSync(join(certDir, 'server.key'), 0o640)
    await done(['cert-renew', '--all', '--cert-dir', 'plain'], cwd)
    for (const generation of ['0001', '0002'])
      expect(treeOf(join(certDir, '.generations', generation))['server.key']).toMatch(`0:${readers} 640 `)
  })

  test("folders that root's commands of before left are the service's again", async () => {
    const cwd = await serviceFolder()
    const certDir = join(cwd, 'certs')
    for (const path of ['.generations', 'issued']) giveAll(join(certDir, path), 0, 0)
    chownSync(join(certDir, '.generations'), 0, 0)
    await done(['cert-gen', 'client', 'bob'], cwd)
    const { uid, gid } = service
    const { '.generations': generations, issued, '.generations/0002': latest } = treeOf(certDir)
    for (const folder of [generations, issued, latest]) expect(folder).toBe(`${uid}:${gid} 700 folder`)
  })

  test('nothing of another is read for the owner of the directory', async () => {
    const cwd = await serviceFolder()
    const certDir = join(cwd, 'certs')
    const secret = join(scratch(), 'secret')
    writeFileSync(secret, 'for root alone', { mode: 0o600 })
    // The service may put a link into its own generation.
    spawnSync('ln', ['-sf', secret, join(certDir, '.generations/0001/client.crt')], service)
    await runCli(['cert-gen', 'client', 'bob'], { cwd })
    expect(treeOf(join(certDir, '.current/'))['client.crt']).toBe('0:0 600 for root alone')
  })
})

describeWith('root', maySwitch, 'somebody else in a directory that its group may write', () => {
  const member = { uid: stranger.uid, gid: readers }
  async function sharedFolder(): Promise<string> {
    const cwd = await serviceFolder()
    chmodSync(cwd, 0o755)
    spawnSync('chmod', ['-R', 'g+rwX', join(cwd, 'certs')])
    giveAll(join(cwd, 'certs'), service.uid, readers)
    return cwd
  }

  test('is refused in words, and nothing is written', async () => {
    const cwd = await sharedFolder()
    const before = treeOf(cwd)
    const commands = [
      ['cert-revoke', 'certs/client.crt'],
      ['cert-gen', 'client', 'bob'],
      ['cert-renew', '--all'],
      ['cert-rotate-ca'],
      ['cert-gen', '--force'],
    ]
    for (const refusal of runAll(commands, { cwd, ...member })) {
      expect(refusal).toMatch(
        /^error: CERT_WRITE_FAILED: \S+\/certs\/\w+\.(crt|key) belongs to user 12345 and group 23456, not to user 54321, /,
      )
      expect(refusal).toContain(`hint: Run it as root, or as its owner: \`sudo -u '#12345'\`.\nexit 1`)
    }
    expect(treeOf(cwd)).toEqual(before)
  })

  test('is told of a key that it may not read', async () => {
    const cwd = await sharedFolder()
    chmodSync(join(cwd, 'certs', 'client.key'), 0o600)
    const [refusal] = runAll([['cert-renew', '--all']], { cwd, ...member })
    expect(refusal).toContain('certs/client.key cannot be read: permission denied\n')
    expect(refusal).toContain('hint: Run it as the owner of the file, or as root.\nexit 1')
  })

  test('is refused as the owner too, outside the group that a key was given to', async () => {
    const cwd = await serviceFolder()
    chownSync(join(cwd, 'certs', 'server.key'), service.uid, readers)
    const before = treeOf(cwd)
    const [refusal] = runAll([['cert-renew', '--all']], { cwd, ...service })
    expect(refusal).toContain(
      'server.key belongs to user 12345 and group 23456, and user 12345 is not in that group, ',
    )
    expect(refusal).toContain('hint: Run it as root.\nexit 1')
    expect(treeOf(cwd)).toEqual(before)
  })
})

/** How to run something as a root that may not give files away. */
const bounded: [string, string, string[]][] = [
  ['setpriv', 'a root without CAP_CHOWN', ['--bounding-set', '-chown', '--inh-caps', '-chown']],
  ['unshare', 'a root of a user namespace', ['--user', '--map-root-user']],
]
for (const [tool, title, options] of bounded) {
  const works = isRoot && onPath(tool) !== undefined && spawnSync(tool, [...options, 'true']).status === 0
  describeWith(`root with ${tool}`, works, title, () => {
    test('is refused in words, and nothing is written', async () => {
      const cwd = scratch()
      await makeCertificateSet({ certDir: join(cwd, 'certs') })
      rmSync(join(cwd, 'certs', 'issued'), { recursive: true })
      // It may read the files and write to the directory.
      chownSync(join(cwd, 'certs', 'client.crt'), service.uid, service.gid)
      const before = treeOf(cwd)
      const commands = [
        ['cert-revoke', 'certs/client.crt'],
        ['cert-gen', 'client', 'bob'],
        ['cert-renew', '--all'],
      ]
      for (const refusal of runAll(commands, { cwd, through: [tool, ...options] })) {
        expect(refusal).toMatch(
          /^error: CERT_WRITE_FAILED: \S+client\.crt belongs to user \d+ and group \d+, and root may not give files to them here/,
        )
        expect(refusal).toMatch(/CAP_CHOWN[\s\S]*exit 1$/)
      }
      expect(treeOf(cwd)).toEqual(before)
    })
  })
}
