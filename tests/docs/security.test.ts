import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { parseSync } from 'oxc-parser'
import { describe, expect, test } from 'vitest'
import { runCli, startCli } from '../support/cli.js'
import { freePort } from '../support/free-port.js'
import { scratch } from '../support/scratch.js'

const root = new URL('../../', import.meta.url)
const page = readFileSync(new URL('docs/security.md', root), 'utf8')

interface Link {
  readonly name: string
  readonly file: string
}

function linksIn(text: string): Link[] {
  const links = text.matchAll(/\[((?:`[^`]*`|[^\]`])+)\]\(\.\.\/(tests\/[^)]+)\)/g)
  return [...links].map(([, name = '', file = '']) => ({ name: name.replace(/^`(.*)`$/, '$1'), file }))
}

/** What differs between the runs of one test is `…` on the page. */
function pageForm(title: string): string {
  return title.replace(/%[a-z]|\$\{[^}]*\}|\$[a-z][\w.]*/gi, '…')
}

type Node = { readonly type: string; readonly start: number; readonly end: number } & Record<string, unknown>
const isNode = (value: unknown): value is Node => typeof (value as Node | null)?.type === 'string'

/** The name of what is called: `test` of `test.each(rows)('…')`. */
function calledName(node: unknown): unknown {
  if (!isNode(node)) return undefined
  if (node.type === 'Identifier') return node.name
  return calledName(node.type === 'CallExpression' ? node.callee : node.object)
}

/** The names of the tests in a file, and of the rows that they run over. */
function namesIn(file: string): ReadonlySet<string> {
  const source = readFileSync(new URL(file, root), 'utf8')
  const names = new Set<string>()
  const add = (node: unknown) => {
    if (!isNode(node) || !/^(Literal|TemplateLiteral)$/.test(node.type)) return
    const raw = source.slice(node.start + 1, node.end - 1)
    for (const title of [raw, node.value]) if (typeof title === 'string') names.add(pageForm(title))
  }
  const look = (value: unknown) => {
    if (Array.isArray(value)) return value.forEach(look)
    if (!isNode(value)) return
    if (value.type === 'CallExpression') {
      const [first, second] = value.arguments as unknown[]
      if (/^(test|it|describe|row)$/.test(String(calledName(value.callee))) && second) add(first)
    }
    if (value.type === 'ArrayExpression') add((value.elements as unknown[])[0])
    if (value.type === 'Property' && (value.key as { name?: unknown }).name === 'title') add(value.value)
    Object.values(value).forEach(look)
  }
  look(parseSync(file, source).program)
  return names
}

const claims = [...page.matchAll(/^- \*\*[\s\S]*?(?=\n\n|\n- |\n#)/gm)].map(([text]) => text)
/** What does not hold needs no test. */
const [, unprotected = ''] = /^### What is not protected\n([\s\S]*?)^## /m.exec(page) ?? []

test('each claim has a test that runs on every machine', () => {
  expect(claims.length).toBeGreaterThan(90)
  const without = claims.filter(
    (claim) =>
      !unprotected.includes(claim) && linksIn(claim).every(({ file }) => file.startsWith('tests/interop/')),
  )
  expect(without).toEqual([])
})

describe('every test that the page names is there', () => {
  const links = linksIn(page)
  test.each([...new Set(links.map(({ file }) => file))])('in %s', (file) => {
    const names = namesIn(file)
    const wanted = links.filter((link) => link.file === file).map(({ name }) => name)
    expect(wanted.filter((name) => !names.has(name))).toEqual([])
  })

  test('and a name that is none is found', () => {
    const [{ name, file } = { name: '', file: '' }] = linksIn(page)
    expect(namesIn(file).has(name)).toBe(true)
    expect(namesIn(file).has(`${name}.`)).toBe(false)
  })
})

test('the attacks that are tried for this page are on it', () => {
  const files = readdirSync(new URL('tests/security', root)).map((name) => `tests/security/${name}`)
  const named = new Set(linksIn(page).map(({ file }) => file))
  expect(files.filter((file) => !named.has(file))).toEqual([])
})

test('its commands do what it says', async () => {
  const cwd = scratch()
  const env = { ECHO_MCP_TLS_PORT: String(await freePort()) }
  const typed = [...page.matchAll(/^\$ (.*)$/gm)].map(([, command = '']) => command.split(' '))
  const done: string[] = []
  for (const [program = '', name = '', ...args] of typed) {
    if (program === 'node') {
      expect(execFileSync(process.execPath, [name, ...args], { encoding: 'utf8' })).toMatch(/^\d+\.\d+\.\d+/)
    } else if (args[0] === 'serve') {
      await startCli(args, { cwd, env }).printed(/listening/)
    } else {
      const { exitCode, stdout, stderr } = await runCli(args, { cwd, env })
      expect(exitCode, `${args.join(' ')}: ${stdout}${stderr}`).toBe(0)
    }
    done.push(args[0] ?? '')
  }
  expect(done).toEqual(['process.versions.openssl', 'cert-gen', 'cert-check', 'serve', 'test-tls'])
})
