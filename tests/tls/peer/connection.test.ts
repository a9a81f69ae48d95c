import { expect, test } from 'vitest'
import { ConnectionRecord, type ConnectionState } from '../../../src/tls/peer/connection.js'

const states: readonly ConnectionState[] = ['initiating', 'handshaking', 'verified', 'failed', 'closed']
const steps: readonly (readonly [ConnectionState, ConnectionState])[] = [
  ['initiating', 'handshaking'],
  ['initiating', 'failed'],
  ['handshaking', 'verified'],
  ['handshaking', 'failed'],
  ['verified', 'closed'],
]
const wayTo: Readonly<Record<ConnectionState, readonly ConnectionState[]>> = {
  initiating: [],
  handshaking: ['handshaking'],
  verified: ['handshaking', 'verified'],
  failed: ['failed'],
  closed: ['handshaking', 'verified', 'closed'],
}

function recordIn(state: ConnectionState): ConnectionRecord {
  const record = new ConnectionRecord('localhost', 8443, undefined)
  for (const step of wayTo[state]) record.become(step)
  return record
}

test.each(states.flatMap((from) => states.map((to) => [from, to] as const)))(
  'a connection goes from %s to %s or not, as the states allow',
  (from, to) => {
    const record = recordIn(from)
    if (steps.some(([one, other]) => one === from && other === to)) {
      record.become(to)
      expect(record.facts.state).toBe(to)
    } else {
      expect(() => record.become(to)).toThrow(TypeError)
      expect(record.facts.state).toBe(from)
    }
  },
)

test('facts are frozen, and what was known stays known', () => {
  const record = new ConnectionRecord('localhost', 8443, undefined)
  const before = record.facts
  record.become('handshaking', { tlsVersion: 'TLSv1.3', cipherSuite: 'TLS_AES_256_GCM_SHA384' })
  record.become('failed')
  expect(before).toMatchObject({ state: 'initiating', tlsVersion: undefined })
  expect(record.facts).toMatchObject({ serverName: 'localhost', port: 8443, tlsVersion: 'TLSv1.3' })
  expect(Object.isFrozen(record.facts)).toBe(true)
})
