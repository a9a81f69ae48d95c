import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseTlsConfig } from '../../src/config/index.js'
import { refusal } from '../support/refusal.js'
import { directoryWith, scratch, usualFiles } from '../support/scratch.js'

test('strict, TLS 1.2 and the usual file names are the defaults', () => {
  const certDir = directoryWith(...usualFiles)
  expect(parseTlsConfig({ certDir }, 'server')).toEqual({
    certDir,
    caCert: join(certDir, 'ca.crt'),
    serverCert: join(certDir, 'server.crt'),
    serverKey: join(certDir, 'server.key'),
    clientCert: join(certDir, 'client.crt'),
    clientKey: join(certDir, 'client.key'),
    crlMissing: 'refuse',
    demoMode: false,
    demoAllowRemote: false,
    minVersion: 'TLSv1.2',
  })
})

test('the config cannot be changed', () => {
  const config = parseTlsConfig({ certDir: directoryWith(...usualFiles) }, 'client')
  expect(Object.isFrozen(config)).toBe(true)
})

test('a revocation list beside the CA is looked for when files are loaded, since it may come later', () => {
  const certDir = directoryWith(...usualFiles, 'ca.crl')
  expect(parseTlsConfig({ certDir }, 'server').crl).toBeUndefined()
})

test('a revocation list that is named must be there, unless it may be missing', () => {
  const certDir = directoryWith(...usualFiles)
  const crl = join(certDir, 'other.crl')
  expect(refusal(() => parseTlsConfig({ certDir, crl }, 'server')).code).toBe('CERT_NOT_FOUND')
  expect(parseTlsConfig({ certDir, crl, crlMissing: 'allow' }, 'server').crl).toBe(crl)
})

test('every problem is in one error, with the setting, its value and what is allowed', () => {
  const error = refusal(() =>
    parseTlsConfig(
      { certDir: '', demoMode: 'yes', minVersion: 'TLSv1.1', port: 65_536, cretDir: 'x' },
      'server',
    ),
  )
  expect(error.code).toBe('CONFIG_INVALID')
  for (const part of [
    'certDir: "": may not be empty',
    'demoMode: "yes": allowed are true and false',
    'minVersion: "TLSv1.1": allowed are TLSv1.2, TLSv1.3',
    'port: 65536: must be a port up to 65535, or 0',
    'cretDir: there is no such option (did you mean certDir?)',
  ])
    expect(error.message).toContain(part)
})

test.each([65_536, 8443.5, -1, '8443', Number.NaN])('port %s is refused', (port) => {
  expect(refusal(() => parseTlsConfig({ port }, 'server')).code).toBe('CONFIG_INVALID')
})

test.each([0, 1, 443, 65_535])('port %d is allowed', (port) => {
  expect(parseTlsConfig({ certDir: directoryWith(...usualFiles), port }, 'server').port).toBe(port)
})

test('a wrong passphrase is not shown', () => {
  const error = refusal(() => parseTlsConfig({ keyPassphrase: ['hunter2'] }, 'server'))
  expect(error.message).toContain('keyPassphrase')
  expect(error.message).not.toContain('hunter2')
})

test('a directory that is not there is CERT_DIR_NOT_FOUND with the command that makes it', () => {
  const certDir = join(scratch(), 'certs')
  const error = refusal(() => parseTlsConfig({ certDir }, 'server'))
  expect(error.code).toBe('CERT_DIR_NOT_FOUND')
  expect(error.message).toContain(certDir)
  expect(error.hint).toContain(`mcp-mtls cert-gen --cert-dir ${certDir}`)
})

test('a file in place of the directory is CERT_DIR_NOT_FOUND', () => {
  const certDir = join(directoryWith('certs'), 'certs')
  expect(refusal(() => parseTlsConfig({ certDir }, 'client')).code).toBe('CERT_DIR_NOT_FOUND')
})

test('the directory does not matter when no file is looked for in it', () => {
  const files = directoryWith(...usualFiles)
  const config = parseTlsConfig(
    {
      certDir: join(files, 'absent'),
      caCert: join(files, 'ca.crt'),
      clientCert: join(files, 'client.crt'),
      clientKey: join(files, 'client.key'),
    },
    'client',
  )
  expect(config.clientKey).toBe(join(files, 'client.key'))
})

test('all missing files are named at once, with the command that makes them', () => {
  const certDir = directoryWith('server.crt')
  const error = refusal(() => parseTlsConfig({ certDir }, 'server'))
  expect(error.code).toBe('CERT_NOT_FOUND')
  expect(error.message).toContain(`${join(certDir, 'ca.crt')} does not exist`)
  expect(error.message).toContain(`${join(certDir, 'server.key')} does not exist`)
  expect(error.message).not.toContain('client.crt')
  expect(error.hint).toContain('mcp-mtls cert-gen')
})

test('a side asks only for its own files', () => {
  const certDir = directoryWith('ca.crt', 'client.crt', 'client.key')
  expect(parseTlsConfig({ certDir }, 'client').certDir).toBe(certDir)
  expect(refusal(() => parseTlsConfig({ certDir }, 'server')).code).toBe('CERT_NOT_FOUND')
})

test('demo mode does without a CA, and without nothing else', () => {
  const certDir = directoryWith('server.crt', 'server.key')
  expect(parseTlsConfig({ certDir, demoMode: true }, 'server').demoMode).toBe(true)
  rmSync(join(certDir, 'server.key'))
  const error = refusal(() => parseTlsConfig({ certDir, demoMode: true }, 'server'))
  expect(error.code).toBe('CERT_NOT_FOUND')
  expect(error.hint).toContain('--demo-mode')
})

test('a revocation list that was named must be there', () => {
  const certDir = directoryWith(...usualFiles)
  const crl = join(certDir, 'revoked.crl')
  expect(refusal(() => parseTlsConfig({ certDir, crl }, 'server')).message).toContain(crl)
  writeFileSync(crl, '')
  expect(parseTlsConfig({ certDir, crl }, 'server').crl).toBe(crl)
})

test('a directory in place of a certificate is said to be one', () => {
  const certDir = directoryWith('ca.crt', 'server.key')
  mkdirSync(join(certDir, 'server.crt'))
  expect(refusal(() => parseTlsConfig({ certDir }, 'server')).message).toContain('server.crt is not a file')
})

test('a file that cannot be read is told apart from a missing one', () => {
  const certDir = directoryWith('ca.crt', 'server.crt')
  symlinkSync('server.key', join(certDir, 'server.key'))
  const error = refusal(() => parseTlsConfig({ certDir }, 'server'))
  expect(error.code).toBe('CERT_NOT_FOUND')
  expect(error.message).toContain('server.key cannot be read (ELOOP)')
})
