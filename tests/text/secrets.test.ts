import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MtlsError } from '../../src/errors.js'
import { isPemText, withoutSecrets } from '../../src/text/secrets.js'

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const body = pem.split('\n').slice(1, -2)
const forms = {
  'as it is': pem,
  'with \\n written out': pem.replaceAll('\n', '\\n'),
  'as JSON': JSON.stringify({ key: pem }),
  'as a path': `/srv/certs/${pem}`,
  'cut off': pem.slice(0, 120),
  'in the form of OpenSSL 1.0': privateKey.export({ type: 'sec1', format: 'pem' }).toString(),
  encrypted: privateKey
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' })
    .toString(),
  twice: `${pem} and ${pem}`,
  'without its first line': pem.split('\n').slice(1).join('\n'),
  'as one line of base64': body.join(''),
  'in base64 once more': Buffer.from(pem).toString('base64'),
  'in base64 after a byte': Buffer.from(`x${pem}`).toString('base64'),
  'in base64 after two': Buffer.from(`xy${pem}`).toString('base64'),
  'in base64 twice more': Buffer.from(Buffer.from(pem).toString('base64')).toString('base64'),
  'in base64 with \\n between its lines': (
    Buffer.from(pem)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  ).join('\\n'),
  'as a part of a URL': encodeURIComponent(pem),
  'in hex': Buffer.from(pem).toString('hex'),
  'as DER in hex': privateKey.export({ type: 'pkcs8', format: 'der' }).toString('hex'),
  'of OpenSSH without its frame': Buffer.from('openssh-key-v1\0\0\0\0\x04none and then the key').toString(
    'base64',
  ),
  'in base64 once more, in a path': `/srv/${Buffer.from(pem).toString('base64')}/x`,
}

test.each(Object.entries(forms))('a private key %s is not shown, and what is around it is', (_form, text) => {
  const shown = withoutSecrets(`before ${text}`)
  expect(shown).toMatch(/^before .*\(a private key, not shown\)/s)
  for (const line of [...body, ...text.split(/\n|\\n/).filter((line) => /^[A-Za-z\d+/=]{20,}$/.test(line))])
    expect(shown).not.toContain(line.slice(0, 20))
  expect(new MtlsError('CERT_NOT_FOUND', text, { hint: text }).message).not.toContain(body[0])
  expect(JSON.stringify(new MtlsError('CERT_NOT_FOUND', text, { hint: text }))).not.toContain(
    body[0]?.slice(0, 20),
  )
})

test.each(
  (
    [
      ['rsa', { modulusLength: 2048 }],
      ['ec', { namedCurve: 'P-256' }],
      ['ec', { namedCurve: 'P-384' }],
      ['ec', { namedCurve: 'P-521' }],
      ['ed25519', {}],
      ['ed448', {}],
    ] as const
  ).flatMap(([type, options]) =>
    (['pkcs8', 'pkcs1', 'sec1', 'encrypted'] as const)
      .filter((form) => (form === 'pkcs1' ? type === 'rsa' : form !== 'sec1' || type === 'ec'))
      .map((form) => [type, options, form] as const),
  ),
)('the DER of a key (%s, %j, %s) is known in base64', (type, options, form) => {
  const { privateKey: key } = generateKeyPairSync(type as 'ec', options as { namedCurve: string })
  const encryption = form === 'encrypted' && { cipher: 'aes-256-cbc', passphrase: 'x' }
  const der = key.export({
    type: form === 'encrypted' ? 'pkcs8' : form,
    format: 'der',
    ...encryption,
  } as never)
  const text = (der as unknown as Buffer).toString('base64')
  const shown = withoutSecrets(`a /dir/${text} b`)
  for (let at = 0; at + 20 <= text.length; at += 10) expect(shown).not.toContain(text.slice(at, at + 20))
})

test('what certificates are written in is shown', () => {
  const certificates = execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=x', '-keyout', '/dev/null'],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  expect(withoutSecrets(certificates)).toBe(certificates)
})

test.each([
  ['https://user:word@host/x', 'https://…@host/x'],
  ['"https://user:word@host"', '"https://…@host"'],
  ['at https://:word@host:8443, and http://a:b@c', 'at https://…@host:8443, and http://…@c'],
  ['https://user:wo@rd@host', 'https://…@host'],
  ['https://host/path?a:b@c', 'https://host/path?a:b@c'],
  ['mailto:a@b', 'mailto:a@b'],
  ['https://u:a/SECRET@host', 'https://…@host'],
  ['https://u:p#SECRET@host/x', 'https://…@host/x'],
  ['https://TOKEN@host/mcp', 'https://…@host/mcp'],
  ['https://host/@scope/x', 'https://host/@scope/x'],
  ['https://u:12/SECRET@host', 'https://…@host'],
  ["https://u:a'SECRET@host", 'https://…@host'],
  ['//u:SECRET@host', '//…@host'],
  ['https://host/x#access_token=SECRET', 'https://host/x#access_token=…'],
  [`{"kty":"EC","d":"${'A'.repeat(43)}"}`, '{"kty":"EC","d":"…"}'],
  ['https://host/mcp?a=1&access_token=SECRET&b=2#c', 'https://host/mcp?a=1&access_token=…&b=2#c'],
  ['-----BEGIN CERTIFICATE-----', '-----BEGIN CERTIFICATE-----'],
])('%s is shown as %s', (text, shown) => {
  expect(withoutSecrets(text)).toBe(shown)
})

test('other text is left as it is, in time that grows with its length', () => {
  fc.assert(
    fc.property(
      fc.string({ maxLength: 200 }),
      (text) => withoutSecrets(text) === text || /:\/\/|BEGIN/.test(text),
    ),
  )
  const long = '-----BEGIN PRIVATE KEY-----'.repeat(20_000) + 'a://'.repeat(100_000)
  const begun = process.cpuUsage()
  withoutSecrets(long)
  expect(process.cpuUsage(begun).user).toBeLessThan(2_000_000)
  expect([isPemText(pem), isPemText('certs/server.key')]).toEqual([true, false])
})
