import { expect, test } from 'vitest'
import { defaultCheckpoint, defaultMaxBytes, defaultOnFailure, parseSince } from '../../src/audit/index.js'
import { defaultOf } from '../../src/config/index.js'

const now = new Date('2026-03-01T12:00:00Z')

test.each([
  ['2026-03-01', '2026-03-01T00:00:00.000Z'],
  ['2026-03-01T10:00:00Z', '2026-03-01T10:00:00.000Z'],
  ['2026-03-01T10:00+02:00', '2026-03-01T08:00:00.000Z'],
  ['90m', '2026-03-01T10:30:00.000Z'],
  ['2d', '2026-02-27T12:00:00.000Z'],
])('since %s', (text, expected) => expect(parseSince(text, now).toISOString()).toBe(expected))

test.each(['', 'yesterday', '5', '2026', '2026-13-01', '2026-03-01T10:00:00'])(
  'since %j is refused',
  (text) => {
    expect(() => parseSince(text, now)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(`"${text}"`) }),
    )
  },
)

test('a record has the defaults of the settings', () => {
  expect({
    onFailure: defaultOf('auditOnFailure'),
    checkpoint: defaultOf('auditCheckpoint'),
    maxBytes: defaultOf('auditMaxBytes'),
  }).toEqual({ onFailure: defaultOnFailure, checkpoint: defaultCheckpoint, maxBytes: defaultMaxBytes })
})
