import { pino } from 'pino'
import { expect, test } from 'vitest'
import { AllowOnly } from '../../../src/config/index.js'
import { LivePolicy } from '../../../src/server/authorization/live-policy.js'

const loading = async (ids: readonly string[], trustDomains: readonly string[] = []) => {
  const log: string[] = []
  const logger = pino({}, { write: (line: string) => log.push(JSON.parse(line).msg) })
  const live = await LivePolicy.load(new AllowOnly(ids), {
    name: 'echo-mcp',
    logger,
    trustDomains: () => trustDomains,
  })
  return { live, log }
}

test('identities that may use everything are a policy of one rule, methods of extensions among it', async () => {
  const { live, log } = await loading(['cn:agent', 'anyone'])
  expect(live.current.rules).toMatchObject([
    { name: '--allow', effect: 'allow', targets: { tools: ['*'], methods: ['*'] } },
  ])
  expect(live.current.rules[0]?.identities).toHaveLength(2)
  expect(live.health).toMatchObject({ rules: 1, mode: 'enforce', ok: true })
  expect(log).toEqual(['echo-mcp has the policy: 1 rule, mode enforce'])
  expect(await live.reload()).toBe(false)
})

test('one that matches nobody once trust domains are bound is warned of', async () => {
  const { log } = await loading(['cn:agent', 'spiffe://example.org/agent'], ['example.org'])
  expect(log[0]).toEqual(
    expect.stringMatching(/^--allow: rules\[0\]\.allow\[0\] matches nothing: .*cn: "agent"/),
  )
})

test('what is no identity is refused', async () => {
  await expect(loading(['agent'])).rejects.toMatchObject({
    code: 'POLICY_INVALID',
    message: expect.stringContaining('--allow: rules[0].allow[0]: "agent" does not say'),
  })
})
