import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { check, inspect, renewCertificates, revokeCertificate, rotateAuthority } from '../../src/pki/index.js'
import { readCertificate } from '../../src/x509/certificate.js'
import { readCrls } from '../../src/x509/crl.js'
import { scratch } from '../support/scratch.js'

// A CA as many have it today: a root and an intermediate, both run with `openssl ca`.

const keyOptions = {
  'EC P-256': ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  Ed25519: ['ed25519'],
  'RSA 2048': ['rsa:2048'],
} as const
type Key = keyof typeof keyOptions

const config = `
[ca]
default_ca = here
[here]
database = index.txt
new_certs_dir = .
serial = serial
crlnumber = crlnumber
certificate = ca.crt
private_key = ca.key
default_md = default
default_days = 30
default_crl_days = 10
policy = any
unique_subject = no
email_in_dn = no
[any]
countryName = optional
organizationName = optional
commonName = supplied
[req]
distinguished_name = dn
[dn]
[root]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[intermediate]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = DNS:localhost,IP:127.0.0.1
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid,issuer
[client]
basicConstraints = CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = clientAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`

interface Opened {
  readonly directory: string
  run(...args: string[]): string
  /** Signs `NAME.crt` of a new key for the common name, as that section of the config says. */
  issue(name: string, section: string, commonName: string, folder?: string): void
  list(): string
}

function opened(key: Key, subject: string): Opened {
  const directory = scratch()
  const run = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: directory, encoding: 'utf8', stdio: 'pipe' })
  writeFileSync(join(directory, 'openssl.cnf'), config)
  writeFileSync(join(directory, 'index.txt'), '')
  writeFileSync(join(directory, 'serial'), '00A1\n')
  writeFileSync(join(directory, 'crlnumber'), '1000\n')
  const request = ['req', '-config', 'openssl.cnf', '-nodes', '-newkey', ...keyOptions[key]]
  run(
    ...request,
    '-x509',
    '-extensions',
    'root',
    '-days',
    '60',
    '-subj',
    subject,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
  )
  return {
    directory,
    run,
    issue(name, section, commonName, folder = directory) {
      const files = ['-keyout', join(folder, `${name}.key`), '-out', `${name}.csr`]
      run(...request, '-subj', `/C=NP/O=Example/CN=${commonName}`, ...files)
      const sign = ['ca', '-config', 'openssl.cnf', '-batch', '-notext', '-extensions', section]
      run(...sign, '-in', `${name}.csr`, '-out', join(folder, `${name}.crt`))
    },
    list: () => run('ca', '-config', 'openssl.cnf', '-gencrl'),
  }
}

const codes = (problems: readonly { code: string }[]) => problems.map(({ code }) => code)

describe.each(Object.keys(keyOptions) as Key[])('an openssl CA with %s', (key) => {
  test('its certificates, chains and lists are read and judged as openssl judges them', async () => {
    const root = opened(key, '/O=Example/CN=Root')
    const intermediate = opened(key, '/CN=unused')
    root.issue('ca', 'intermediate', 'Intermediate', intermediate.directory)
    for (const name of ['good', 'bad']) intermediate.issue(name, 'server', `${name}.example`)
    intermediate.run('ca', '-config', 'openssl.cnf', '-revoke', 'bad.crt', '-crl_reason', 'keyCompromise')
    const { directory } = intermediate
    const read = async (name: string) => (await inspect(join(directory, name)))[0] ?? expect.unreachable()
    writeFileSync(join(directory, 'root.crt'), readFileSync(join(root.directory, 'ca.crt')))
    writeFileSync(join(directory, 'lists'), intermediate.list() + root.list())

    const crls = readCrls(readFileSync(join(directory, 'lists'), 'utf8'), 'lists')
    expect(crls.map(({ number }) => number)).toEqual([0x1000n, 0x1000n])
    const options = {
      trusted: [await read('root.crt')],
      chain: [await read('ca.crt')],
      crls,
      serverName: 'localhost',
    }
    const verify = (name: string) =>
      intermediate.run(
        ...['verify', '-x509_strict', '-crl_check_all', '-CAfile', 'root.crt', '-CRLfile', 'lists'],
        ...['-untrusted', 'ca.crt', name],
      )
    expect(verify('good.crt')).toContain('OK')
    expect(check(await read('good.crt'), { ...options, type: 'server' })).toEqual([])
    expect(() => verify('bad.crt')).toThrow(/revoked/)
    expect(codes(check(await read('bad.crt'), { ...options, type: 'server' }))).toEqual(['CERT_REVOKED'])
    const [{ serial }] = [await read('bad.crt')]
    expect(crls[0]?.revoked.get(serial)?.reason).toBe('keyCompromise')

    // The intermediate itself, revoked by the root.
    root.run('ca', '-config', 'openssl.cnf', '-revoke', join(directory, 'ca.crt'))
    writeFileSync(join(directory, 'lists'), intermediate.list() + root.list())
    const later = readCrls(readFileSync(join(directory, 'lists'), 'utf8'), 'lists')
    expect(() => verify('good.crt')).toThrow(/revoked/)
    expect(codes(check(await read('good.crt'), { ...options, crls: later }))).toContain('CERT_REVOKED')
  })

  test('its directory can be taken over: revoke, renew, rotate', async () => {
    const ca = opened(key, '/O=Example/CN=Taken over')
    const certDir = join(ca.directory, 'certs')
    mkdirSync(certDir)
    ca.issue('server', 'server', 'a.example', certDir)
    ca.issue('client', 'client', 'Agent', certDir)
    ca.issue('gone', 'client', 'Gone')
    ca.run('ca', '-config', 'openssl.cnf', '-revoke', 'gone.crt')
    for (const name of ['ca.crt', 'ca.key'])
      writeFileSync(join(certDir, name), readFileSync(join(ca.directory, name)))
    writeFileSync(join(certDir, 'ca.crl'), ca.list())
    const verify = (name: string) =>
      execFileSync('openssl', ['verify', '-crl_check', '-CAfile', 'ca.crt', '-CRLfile', 'ca.crl', name], {
        cwd: certDir,
        encoding: 'utf8',
        stdio: 'pipe',
      })

    // The index knows nothing of it: the signature on the file is proof enough.
    await revokeCertificate({ certDir, certificate: join(certDir, 'client.crt'), reason: 'superseded' })
    expect(verify('server.crt')).toContain('OK')
    expect(() => verify('client.crt')).toThrow(/revoked/)
    const [list] = readCrls(readFileSync(join(certDir, 'ca.crl'), 'utf8'), 'ca.crl')
    expect([...(list?.revoked.keys() ?? [])]).toContain(
      readCertificate(readFileSync(join(ca.directory, 'gone.crt'))).serial,
    )
    const before = readCertificate(readFileSync(join(certDir, 'server.crt')))
    await renewCertificates({ certDir, all: true })
    const after = readCertificate(readFileSync(join(certDir, 'server.crt')))
    expect(after).toMatchObject({ subject: before.subject, names: before.names, keyUsage: before.keyUsage })
    expect(verify('server.crt')).toContain('OK')
    await rotateAuthority({ certDir })
    await renewCertificates({ certDir })
    expect(verify('server.crt')).toContain('OK')
  })
})
