import { expect, test } from 'vitest'
import * as pki from '../../src/pki/index.js'

// As a caller in JavaScript sees them.
const functions = pki as unknown as Record<string, (...args: unknown[]) => unknown>

test('the public names are those that people call', () => {
  expect(Object.keys(pki).sort()).toEqual(
    [
      'MtlsError',
      'addCertificate',
      'check',
      'checkFiles',
      'createAuthority',
      'createCrl',
      'errorCodes',
      'finishRotation',
      'inspect',
      'issue',
      'listIssued',
      'makeCertificateSet',
      'openAuthority',
      'reissue',
      'renewCertificates',
      'revocationReasons',
      'revokeCertificate',
      'rotateAuthority',
      'selfSigned',
    ].sort(),
  )
})

const authority = await pki.createAuthority()

test.each([
  [
    'createAuthority',
    ['x'],
    "createAuthority takes an object: createAuthority({ commonName: 'Example CA' })",
  ],
  ['openAuthority', ['ca.crt', 'ca.key'], 'openAuthority takes two PEM texts, each with its path'],
  ['issue', [], 'issue takes a CA and a request: issue(authority, {'],
  ['issue', [authority], 'issue takes a CA and a request'],
  // A copy has no key.
  ['issue', [{ ...authority }, { type: 'client', commonName: 'x' }], 'issue takes a CA and a request'],
  ['reissue', [authority, 'server.crt'], 'reissue takes a CA and the facts of a certificate'],
  ['selfSigned', ['demo'], 'selfSigned takes an object: selfSigned({'],
  ['createCrl', [authority], 'createCrl takes a CA and a map of revocations: createCrl('],
  ['inspect', [{}], 'inspect takes a path or a PEM text: inspect('],
  [
    'check',
    ['server.crt'],
    "check takes the facts of a certificate: check((await inspect('server.crt'))[0])",
  ],
  ['checkFiles', ['./certs'], "checkFiles takes a list of paths: checkFiles(['./certs'])"],
  [
    'makeCertificateSet',
    ['./certs'],
    "makeCertificateSet takes an object: makeCertificateSet({ certDir: './certs' })",
  ],
  ['makeCertificateSet', [{}], "certDir is required (string): makeCertificateSet({ certDir: './certs' })"],
  [
    'makeCertificateSet',
    [{ certDir: 'x', subjectAltNames: 'a.example' }],
    'subjectAltNames: expected a list of texts',
  ],
  ['addCertificate', [{ certDir: './certs' }], 'type is required (string): addCertificate({'],
  ['renewCertificates', [], 'renewCertificates takes an object: renewCertificates({'],
  ['revokeCertificate', [{ certDir: './certs' }], 'certificate is required (string): revokeCertificate({'],
  ['rotateAuthority', [], 'rotateAuthority takes an object: rotateAuthority({'],
  ['finishRotation', [[]], 'finishRotation takes an object: finishRotation({'],
  ['listIssued', ['./ca'], "listIssued takes an object: listIssued({ caDir: './certs' })"],
])('%s of a wrong kind says how it is called', async (name, args, words) => {
  const called = (async () => functions[name]?.(...args))()
  await expect(called).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(words),
  })
})

test('every problem of a request is told whatever kind its values are of', async () => {
  const request = { type: 'toString', commonName: 7, country: 49, subjectAltNames: [1] }
  await expect(functions.issue?.(authority, request)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/type: "toString".*commonName.*country: 49.*subjectAltNames/),
  })
})
