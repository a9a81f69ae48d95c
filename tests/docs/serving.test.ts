import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { build } from '../../src/cli/commands/expose/command.js'
import { root } from '../architecture/sources.js'
import { testIo } from '../support/io.js'

const read = (path: string) => readFileSync(join(root, path), 'utf8')
const page = read('docs/serving.md')

test('the commands that expose a server have flags that there are, before --', () => {
  const flags = build(testIo()).options.map(({ long }) => long)
  const lines = [...`${page}${read('README.md')}`.matchAll(/^.*mcp-mtls expose (.*)$/gm)].map(
    ([, rest]) => rest,
  )
  expect(lines.length).toBeGreaterThan(4)
  for (const line of lines) {
    const [own = ''] = line?.split(/(?:^| )-- /) ?? []
    for (const [flag] of own.matchAll(/--[a-z-]+/g)) expect(flags, line).toContain(flag)
  }
})

test('its flags and their defaults are those of the command', () => {
  const help = build(testIo()).helpInformation()
  const [, section = ''] = /^### Limits\n([\s\S]*?)^### /m.exec(page) ?? []
  const rows = [...section.matchAll(/^\| (`--.*`) \| (.*?) \|/gm)]
  expect(rows).toHaveLength(6)
  for (const [, names = '', defaults = ''] of rows)
    for (const [at, [flag]] of [...names.matchAll(/--[a-z-]+/g)].entries())
      expect(help, flag).toMatch(
        new RegExp(`^ +${flag} [^\\n]*(?:\\n {3,}[^-\\n]+)*default:? ${defaults.split(', ')[at]}\\b`, 'm'),
      )
})

test('its metrics are those of the server', () => {
  const [, section = ''] = /^### Health and metrics\n([\s\S]*?)^### /m.exec(page) ?? []
  const names = [...section.matchAll(/mcp_mtls_(\w+)/g)].map(([, name = '']) => name)
  expect(names).toHaveLength(5)
  const source = read('src/server/ops/metrics.ts')
  for (const name of names) expect(source).toContain(`'${name}'`)
})
