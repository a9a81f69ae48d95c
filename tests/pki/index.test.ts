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
  [
    'addCertificate',
    [{ certDir: './certs' }],
    'type is required (string); name is required (string): addCertificate({',
  ],
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

const request = { type: 'client', commonName: 'x' }
const { facts } = authority
const list = pki.createCrl(authority, new Map([['ab', { at: new Date(), reason: 'superseded' }]]))
const at = new Date()

test.each([
  ['createAuthority', [null], 'createAuthority takes an object'],
  ['createAuthority', [{}, null], 'createAuthority takes an object'],
  ['createAuthority', [{ name: 'x' }], 'name is no option: known are'],
  [
    'openAuthority',
    [{ text: '', path: '' }, { text: '', path: '' }, null],
    'openAuthority takes two PEM texts',
  ],
  ['issue', [authority, { ...request, validityDay: 30 }], 'validityDay is no option'],
  ['issue', [authority, { ...request, commonName: 7 }], 'commonName: wanted are 1 to 64'],
  ['issue', [authority, { ...request, type: 'ca' }], 'type: "ca": allowed are server, client'],
  ['issue', [authority, { ...request, validityDays: '30' }], 'validityDays: "30" is not'],
  ['issue', [authority, { ...request, validityDays: null }], 'validityDays: null is not'],
  ['issue', [authority, { ...request, subjectAltNames: null }], 'subjectAltNames: expected a list'],
  ['issue', [authority, request, null], 'issue takes an object'],
  ['issue', [authority, request, 'x'], 'issue takes an object'],
  ['issue', [authority, request, { now: '2026-01-01' }], 'now: expected a valid Date'],
  ['issue', [authority, request, { now: new Date(Number.NaN) }], 'now: expected a valid Date'],
  ['issue', [authority, request, { isUsed: 5 }], 'isUsed: expected a function'],
  ['issue', [authority, request, { privateKey: {} }], 'privateKey: expected a private key'],
  ['selfSigned', [request, null], 'selfSigned takes an object'],
  ['reissue', [authority, facts, null], 'reissue takes an object'],
  ['reissue', [authority, { x509: 1 }], 'reissue takes a CA and the facts'],
  ['reissue', [authority, facts, { validityDays: -1 }], 'validityDays: expected a number of days'],
  ['createCrl', [authority, {}], 'createCrl takes a CA and a map of revocations'],
  ['createCrl', [authority, new Date()], 'createCrl takes a CA and a map of revocations'],
  ['createCrl', [authority, new Map([['ab', { reason: 'superseded' }]])], 'createCrl takes a CA and a map'],
  [
    'createCrl',
    [authority, new Map([['ab', { at: '2026', reason: 'superseded' }]])],
    'createCrl takes a CA and',
  ],
  ['createCrl', [authority, new Map([['ab', { at, reason: 'nope' }]])], 'createCrl takes a CA and a map'],
  [
    'createCrl',
    [authority, new Map([['zz:11', { at, reason: 'superseded' }]])],
    'createCrl takes a CA and a map',
  ],
  ['createCrl', [authority, new Map([[7, { at, reason: 'superseded' }]])], 'createCrl takes a CA and a map'],
  ['createCrl', [authority, new Map(), null], 'createCrl takes an object'],
  // Whoever gives the text of a list instead of its facts would make everybody good again.
  [
    'createCrl',
    [authority, new Map(), { previous: list.pem }],
    'previous: expected the facts of a revocation list',
  ],
  [
    'createCrl',
    [authority, new Map(), { previous: [list] }],
    'previous: expected the facts of a revocation list',
  ],
  [
    'createCrl',
    [authority, new Map(), { previous: {} }],
    'previous: expected the facts of a revocation list',
  ],
  [
    'createCrl',
    [authority, new Map(), { previous: facts }],
    'previous: expected the facts of a revocation list',
  ],
  [
    'createCrl',
    [authority, new Map(), { previous: null }],
    'previous: expected the facts of a revocation list',
  ],
  ...[0, -1, null, '30d', Number.NaN].map((validityDays): [string, unknown[], string] => [
    'createCrl',
    [authority, new Map(), { validityDays }],
    'validityDays: expected a number of days, more than 0',
  ]),
  ['check', [facts, null], 'check takes an object'],
  ['check', [facts, { now: 'x' }], 'now: expected a valid Date'],
  ['check', [facts, { trusted: facts }], 'trusted: expected a list of facts of certificates'],
  ['check', [facts, { chain: [1] }], 'chain: expected a list of facts of certificates'],
  ['check', [facts, { crls: list }], 'crls: expected a list of facts of revocation lists'],
  ['check', [facts, { serverName: null }], 'serverName: expected a text'],
  ['check', [facts, { type: 'nope' }], 'type: expected one of server, client, ca'],
  ['check', [facts, { demoMode: 'false' }], 'demoMode: expected true or false'],
  ['checkFiles', [[undefined]], 'checkFiles takes a list of paths'],
  ['checkFiles', [Array(1)], 'checkFiles takes a list of paths'],
  ['checkFiles', [[new URL('file:///x')]], 'checkFiles takes a list of paths'],
  ['checkFiles', [['x'], null], 'checkFiles takes an object'],
  ['checkFiles', [['x'], { directories: null }], 'directories: expected a list of paths'],
  ['checkFiles', [['x'], { caCert: 5 }], 'caCert: expected a path'],
  ['makeCertificateSet', [{ certDir: '' }], 'certDir: expected a path, not empty'],
  ['makeCertificateSet', [{ certDir: new URL('file:///x') }], 'certDir: expected a path'],
  ['makeCertificateSet', [{ certDir: 'x', caDir: null }], 'caDir: expected a path'],
  ['makeCertificateSet', [{ certDir: 'x', serverName: 5 }], 'serverName: expected a text'],
  [
    'makeCertificateSet',
    [{ certDir: 'x', dir: 'y', force: 1 }],
    /dir is no option.*; force: expected true or false/,
  ],
  ['addCertificate', [{ certDir: 'x', type: 'ca', name: 'n' }], 'type: "ca": allowed are server, client'],
  [
    'addCertificate',
    [{ certDir: 'x', type: 'server', name: 'n', subjectAltNames: null }],
    'subjectAltNames: expected',
  ],
  ['renewCertificates', [{ certDir: 'x', dryrun: true }], 'dryrun is no option'],
  ['renewCertificates', [{ certDir: 'x', dryRun: 'yes' }], 'dryRun: expected true or false'],
  ['renewCertificates', [{ certDir: 'x', validityDays: 99_999 }], 'validityDays: expected a number of days'],
  ['revokeCertificate', [{ certDir: 'x', certificate: 'ab', now: 'x' }], 'now: expected a valid Date'],
  [
    'revokeCertificate',
    [{ certDir: 'x', certificate: 'ab', reason: 'nope' }],
    'reason: expected one of unspecified',
  ],
  ['rotateAuthority', [{ certDir: 'x', now: null }], 'now: expected a valid Date'],
  ['finishRotation', [{ certDir: 'x', now: '2026-11-30T06:10:44Z' }], 'now: expected a valid Date'],
  ['finishRotation', [{ certDir: 'x', now: new Date(Number.NaN) }], 'now: expected a valid Date'],
  ['listIssued', [{ caDir: '' }], 'caDir: expected a path, not empty'],
  ['listIssued', [{ caDir: 'x', withinDays: '7' }], 'withinDays: expected a number of days'],
] satisfies [string, unknown[], string | RegExp][])(
  '%s refuses wrong arguments and options in words (%#)',
  async (name, args, words) => {
    const called = (async () => functions[name]?.(...args))()
    await expect(called).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(words instanceof RegExp ? words : escaped(words)),
    })
  },
)

function escaped(words: string): RegExp {
  return new RegExp(words.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
}

test('serial numbers are taken as other programs write them, and a list that is followed keeps its entries', () => {
  const next = pki.createCrl(authority, new Map([['AB:CD:EF', { at, reason: 'superseded' }]]), {
    previous: list,
  })
  expect([...next.revoked.keys()]).toEqual(['ab', 'abcdef'])
})
