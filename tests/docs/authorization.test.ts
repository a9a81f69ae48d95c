import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  conditionVariables,
  explain,
  identityKinds,
  openMethods,
  readPolicy,
  requestOf,
  requirePolicy,
  subjectNamed,
} from '../../src/auth/policy/policy.js'
import { denialError } from '../../src/server/authorization/denial.js'
import { runCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

// The table of variables follows the code: `npx vitest run tests/docs -u` writes it anew.

const path = new URL('../../docs/authorization.md', import.meta.url)
const page = readFileSync(path, 'utf8')
const blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```/gm)].map(([, language = '', text = '']) => ({
  language,
  text,
}))
/** The rows of the table that comes after a text. */
const rowsAfter = (start: string) => {
  const [, table = ''] = /^\|.*\n\|-.*\n((?:\|.*\n)+)/m.exec(page.slice(page.indexOf(start))) ?? []
  return table
    .trim()
    .split('\n')
    .map((row) => row.split('|').map((cell) => cell.trim().replace(/^`(.*)`$/, '$1')))
}

test('the five minutes: every command does what the page says, in its order', async () => {
  const cwd = scratch()
  const results: string[] = []
  for (const { language, text } of blocks) {
    const [, file] = /^# (\w+\.yaml)$/m.exec(text) ?? []
    if (language === 'yaml' && file) writeFileSync(join(cwd, file), text)
    if (language !== 'console') continue
    for (const [, command = ''] of text.matchAll(/^\$ npx mcp-mtls (.*)$/gm)) {
      const { exitCode, stdout, stderr } = await runCli(
        command.split(' ').map((word) => word.replace(/^'(.*)'$/, '$1')),
        { cwd },
      )
      expect(exitCode, `${command}: ${stdout}${stderr}`).toBe(0)
      if (command.startsWith('policy')) results.push(`${command.split(' ')[1]} ${stdout.split('\n')[0]}`)
      if (command.startsWith('policy test')) expect(stdout).toContain('\n6 passed, 0 failed\n')
    }
  }
  expect(results).toEqual([
    'init policy.yaml is written: every client may do everything until you narrow it',
    'check policy.yaml: no problems, 4 rules, mode enforce',
    'explain allow: a rule allows it (allowed)',
    'explain deny: the condition of the rule does not hold (condition)',
    'explain deny: a rule denies it (denied)',
    expect.stringMatching(/^test ✓/),
  ])
})

test('every kind of identity is explained, and every example of one is a rule', async () => {
  const rows = rowsAfter('## Identities')
  expect(rows.map(([, kind]) => kind)).toEqual([...identityKinds, 'anyone'])
  const entries = rows.map(([, , example = '']) => example.replace(/^`|`.*$/g, ''))
  const whole = entries.map((entry) =>
    entry.endsWith('sha256:')
      ? `${entry}${'a'.repeat(64)}`
      : entry.endsWith('/')
        ? `${entry}${'A'.repeat(43)}`
        : entry,
  )
  const lines = whole.map((entry) => (entry.startsWith('{') ? entry : JSON.stringify(entry)))
  const text = `rules:\n  - allow:\n${lines.map((line) => `      - ${line}\n`).join('')}    tools: ["*"]\n`
  expect(await readPolicy(text)).toMatchObject({ ok: true })
})

test('the table of variables is that of the code', async () => {
  const rows = Object.entries(conditionVariables).map(
    ([name, [type, meaning]]) =>
      `| \`${name}\` | ${type.replace(/^google\.protobuf\./, '').toLowerCase()} | ${meaning} |`,
  )
  const table = ['| variable | type | meaning |', '|---|---|---|', ...rows].join('\n')
  const expected = page.replace(
    /(<!-- variables -->\n).*(<!-- end of variables -->)/s,
    (_, begin, end) => `${begin}${table}\n${end}`,
  )
  await expect(expected).toMatchFileSnapshot('../../docs/authorization.md')
})

test('numbers do in conditions what the page says', async () => {
  const rows = rowsAfter('<!-- numbers -->')
  expect(rows.length).toBeGreaterThan(5)
  for (const [, when = '', text = '', result] of rows) {
    const source = { rules: [{ allow: ['anyone'], tools: ['t'], when }] }
    const policy = requirePolicy(await readPolicy(source), 'page')
    const subject = subjectNamed(['cn:a'])
    if (!('value' in subject)) throw new Error(subject.message)
    const asked = { server: 's', tool: 't', now: new Date(), arguments: JSON.parse(text) }
    const request = requestOf(subject.value, asked)
    if (!('value' in request)) throw new Error(request.message)
    const { decision, considered } = explain(policy, request.value)
    const because = considered[0]?.because ?? ''
    const found =
      decision === 'allow' ? 'holds' : because.startsWith('its condition failed') ? 'fails' : 'is false'
    expect(found, `${when} ${text}: ${because}`).toBe(result)
  }
})

test('every open method is named', () => {
  const [paragraph = ''] = /^- Open to every verified peer[\s\S]*?(?=\n\n)/m.exec(page) ?? []
  for (const method of openMethods) expect(paragraph).toContain(`\`${method}\``)
})

test('the table of commands has each of them', async () => {
  const { stdout } = await runCli(['policy', '--help'])
  const [, listed = ''] = stdout.split('Commands:\n')
  const commands = [...listed.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name)
  const rows = rowsAfter('## The commands').map(([, command = '']) => /^`?policy (\w+)/.exec(command)?.[1])
  expect(rows).toEqual(commands)
})

test('the table of denials has the codes that callers get', () => {
  const rows = rowsAfter('<!-- denials -->')
  const denials = [
    { code: 'NOT_AUTHORIZED' },
    { code: 'RATE_LIMITED', retryAfterMs: 10 },
    { code: 'AUDIT_FAILED' },
  ] as const
  expect(rows.map(([, code]) => Number(code))).toEqual(
    denials.map((denial) => denialError(denial, 'id').code),
  )
  for (const [index, denial] of denials.entries()) {
    const { data } = denialError(denial, 'id') as { data: Record<string, unknown> }
    for (const key of Object.keys(data)) expect(`${rows[index]} request_id`).toContain(key)
    expect(rows[index]?.join(' ')).toContain(`"code": "${denial.code}"`)
  }
})
