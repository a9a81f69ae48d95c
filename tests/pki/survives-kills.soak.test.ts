import { spawn } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { CrlSet } from '../../src/judge/crl-set.js'
import { buildPath } from '../../src/judge/path.js'
import { listIssued, makeCertificateSet, renewCertificates, revokeCertificate } from '../../src/pki/index.js'
import { readCrls } from '../../src/x509/crl.js'
import { readCertificates } from '../../src/x509/pem.js'
import { bin } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { tier } from '../support/tier.js'

// The commands themselves spend most of their time loading: here they are loaded first, and killed at work.
const commands = {
  'cert-gen --force': 'await pki.makeCertificateSet({ ...at, force: true })',
  'cert-renew --all': 'await pki.renewCertificates({ ...at, all: true })',
  'cert-revoke SERIAL': 'await pki.revokeCertificate({ ...at, certificate: serial(), force: true })',
  // What a kill left half issued is in the index and nowhere else: the end has to be forced.
  'cert-rotate-ca to --finish': `await pki.rotateAuthority(at); await pki.renewCertificates(at)
    await pki.finishRotation({ ...at, force: true })`,
}
const script = (command: string) => `
  import { randomBytes } from 'node:crypto'
  const serial = () => randomBytes(8).toString('hex')
  const [url, directories] = process.argv.slice(1)
  const [pki, at] = [await import(url), JSON.parse(directories)]
  await import(new URL('certificate/builder.js', url))
  process.stdout.write('.')
  for (;;) { ${command} }`
const pki = pathToFileURL(join(bin, '../../pki/index.js')).href

interface Directories {
  readonly certDir: string
  readonly caDir?: string
}

/** Starts a command over and over, and kills it somewhere in its first run, or a little later. */
async function killAtWork(command: string, directories: Directories): Promise<void> {
  const args = ['--input-type=module', '--eval', script(command), pki, JSON.stringify(directories)]
  const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let stderr = ''
  writer.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += chunk))
  const ended = once(writer, 'exit')
  await Promise.race([once(writer.stdout, 'data'), ended])
  await delay(Math.random() * 60) // any moment will do
  writer.kill('SIGKILL')
  const [, signal] = await ended
  expect(signal, stderr).toBe('SIGKILL')
}

/** What a server or a client would ask of its directory. */
async function expectServes({ certDir, caDir = certDir }: Directories): Promise<void> {
  const read = (name: string) => readFileSync(join(certDir, name), 'utf8')
  const anchors = readCertificates(read('ca.crt'), 'ca.crt')
  const lists = existsSync(join(certDir, 'ca.crl'))
    ? new CrlSet(readCrls(read('ca.crl'), 'ca.crl'))
    : undefined
  for (const stem of ['server', 'client']) {
    const [leaf, ...chain] = readCertificates(read(`${stem}.crt`), stem)
    if (!leaf) throw new TypeError('no certificate')
    expect(leaf.x509.checkPrivateKey(createPrivateKey(read(`${stem}.key`)))).toBe(true)
    const path = buildPath(leaf, chain, anchors)
    expect(path.anchored).toBe(true)
    const issuer = path.certificates[1]
    if (lists && issuer) expect(lists.status(leaf, issuer, new Date())).toBe('good')
  }
  const { damaged } = await listIssued({ caDir })
  expect(damaged).toEqual([])
}

const kills = tier(1, 40)

test.each(['one directory', 'a CA apart'])(
  'killed at any moment, every command leaves what serves, and every next command works (%s)',
  async (layout) => {
    const repeat = async (command: string) => {
      const directory = scratch()
      const certDir = join(directory, 'certs')
      const directories = layout === 'a CA apart' ? { certDir, caDir: join(directory, 'ca') } : { certDir }
      await makeCertificateSet(directories)
      await revokeCertificate({ ...directories, certificate: 'abcdef', force: true })
      for (let kill = 0; kill < kills; kill++) {
        await killAtWork(command, directories)
        await expectServes(directories)
        await renewCertificates(directories)
      }
    }
    // All four at once: 8 kills in all, or 320.
    await Promise.all(Object.values(commands).map(repeat))
  },
)
