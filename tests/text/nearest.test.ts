import { expect, test } from 'vitest'
import { nearestOf } from '../../src/text/nearest.js'

const words = ['policy', 'auditLog', 'tls', 'as', 'allow', 'server', 'servers']

test.each([
  ['polcy', 'policy'],
  ['polciy', 'policy'],
  ['pollicy', 'policy'],
  ['auditlog', 'auditLog'],
  ['tsl', 'tls'],
  ['alow', 'allow'],
  ['sever', 'server'],
  ['Servers', 'servers'],
  ['serverz', 'server'],
])('%s is meant as %s', (word, meant) => expect(nearestOf(word, words)).toBe(meant))

test.each(['', 'x', 'to', 'pliccy', 'policies', 'wolla'])('%j is near to none', (word) => {
  expect(nearestOf(word, words)).toBeUndefined()
})
