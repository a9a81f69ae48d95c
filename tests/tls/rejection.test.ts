import fc from 'fast-check'
import { expect, test } from 'vitest'
import { errorCodes, MtlsError, type MtlsErrorCode } from '../../src/errors.js'
import { readRejection, rejectionBody, rejectionPhrase } from '../../src/tls/rejection.js'

const server = 'the server at localhost:8443'

test.each([
  'CLIENT_CERT_REQUIRED',
  'CERT_EXPIRED',
  'CERT_NOT_YET_VALID',
  'CERT_REVOKED',
  'CERT_INVALID',
  'CLIENT_CERT_REJECTED',
] satisfies MtlsErrorCode[])('the reason %s arrives as the code of the error', (reason) => {
  const body = rejectionBody(reason, 'certificate CN=x is not good')
  const message = 'certificate CN=x is not good'
  expect(JSON.parse(body)).toEqual({
    ...{ jsonrpc: '2.0', id: null, reason, message },
    error: { code: expect.any(Number), message, data: { error: 'mtls_rejected', reason } },
  })
  expect(rejectionPhrase({ code: reason })).toMatch(new RegExp(`^Refused: [a-zA-Z ]+ \\(${reason}\\)$`))
  const older = JSON.stringify({ error: 'mtls_rejected', reason, message })
  expect(readRejection(older, server)).toEqual(readRejection(body, server))
  const error = readRejection(body, server)
  expect(error).toMatchObject({
    code: reason,
    message: `${server} refused our client certificate: certificate CN=x is not good`,
  })
  expect(error?.hint).not.toBe('')
})

test.each([
  ['a reason of the future', '{"error":"mtls_rejected","reason":"MOON_PHASE","message":"wait"}'],
  ['a code that is never a reason', '{"error":"mtls_rejected","reason":"PORT_IN_USE"}'],
  ['no reason', '{"error":"mtls_rejected"}'],
  [
    'a reason that is no text',
    '{"error":"mtls_rejected","reason":{"toString":null},"message":{"toString":1}}',
  ],
  ['a name every object has', '{"error":"mtls_rejected","reason":"constructor"}'],
])('%s is CLIENT_CERT_REJECTED', (_what, body) => {
  expect(readRejection(body, server)).toMatchObject({ code: 'CLIENT_CERT_REJECTED' })
})

test.each(['', 'null', '[]', '"mtls_rejected"', '{"error":"forbidden"}', '<html>', '{"error":'])(
  'the body %j is something else',
  (body) => {
    expect(readRejection(body, server)).toBeUndefined()
  },
)

test('what a hostile server writes is escaped and cut', () => {
  const message = `\u001b[2J\r\nerror: all is fine\u009b31m\u202e\u{e0001}${'a'.repeat(10_000)}`
  const error = readRejection(rejectionBody('CERT_INVALID', message), server)
  expect(error?.message).not.toMatch(/\p{C}/u)
  expect(error?.message).toContain('\\x1b[2J\\x0d\\x0aerror: all is fine\\x9b31m\\u{202e}\\u{e0001}')
  expect(error?.message.length).toBeLessThan(700)
})

test('no body makes it throw, and no text of a peer gets through raw', () => {
  fc.assert(
    fc.property(fc.oneof(fc.json(), fc.string({ unit: 'binary' })), (body) => {
      expect(readRejection(body, server) ?? undefined).toBeUndefined()
    }),
  )
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'binary' }), (reason, message) => {
      const body = JSON.stringify({ error: 'mtls_rejected', reason, message })
      const error = readRejection(body, server)
      expect(error).toBeInstanceOf(MtlsError)
      expect(error?.message).not.toMatch(/\p{C}/u)
      expect(Object.keys(errorCodes)).toContain(error?.code)
    }),
  )
})
