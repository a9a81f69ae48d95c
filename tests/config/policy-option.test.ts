import { expect, test } from 'vitest'
import { AllowOnly, parseServerConfig } from '../../src/config/index.js'
import { refusal } from '../support/refusal.js'

const plain = { name: 'echo-mcp', tlsEnabled: false }
const policyOf = (policy: unknown) => parseServerConfig({ ...plain, policy }).policy

test('the path of a policy does not move with the working directory', () => {
  expect(policyOf('policy.yaml')).toBe(`${process.cwd()}/policy.yaml`)
  expect(policyOf('/etc/policy.yaml')).toBe('/etc/policy.yaml')
})

test('a policy of the program is copied: neither side changes what the other has', () => {
  const policy = { mode: 'enforce', rules: [{ allow: ['anyone'], tools: ['echo'] }] }
  const taken = policyOf(policy)
  policy.rules[0]?.tools.push('whoami')
  policy.rules.pop()
  expect(taken).toEqual({ mode: 'enforce', rules: [{ allow: ['anyone'], tools: ['echo'] }] })
  expect(Object.isFrozen(policy) || Object.isFrozen(policy.rules)).toBe(false)
})

test('identities that may use everything stay what they are', () => {
  const only = new AllowOnly(['cn:agent'])
  expect(policyOf(only)).toBe(only)
})

test('what cannot be copied is no policy', () => {
  const { code, message } = refusal(() => policyOf({ rules: [{ allow: () => ['anyone'] }] }))
  expect(code).toBe('POLICY_INVALID')
  expect(message).toContain('policy: a policy holds plain values: ')
})

test('bytes in a policy are left to whoever reads it', () => {
  expect(policyOf({ rules: new Uint8Array(1) })).toEqual({ rules: new Uint8Array(1) })
})

test.each([
  7,
  true,
  null,
  [],
  new URL('file:///policy.yaml'),
  () => ({}),
  '',
  '  ',
  'rules:\n  - allow: [anyone]',
])('%s is neither a path nor a policy', (policy) => {
  const { code, message } = refusal(() => policyOf(policy))
  expect(code).toBe('CONFIG_INVALID')
  expect(message).toContain('policy: ')
})
