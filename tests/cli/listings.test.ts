import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { atTerminal, hostile, showcase } from '../support/calling.js'
import { runCli, runProcess } from '../support/cli.js'
import { foreignServer } from '../support/foreign-server.js'
import { scratch } from '../support/scratch.js'
import { makeWorld, type Served, serveTest, type World } from '../support/world.js'

let world: World
let served: Served
let url: string
beforeAll(async () => {
  world = await makeWorld()
  served = await serveTest({ tls: world.tls }, showcase)
  url = served.server.url
})
afterAll(async () => {
  await served[Symbol.asyncDispose]()
  await world[Symbol.asyncDispose]()
})

const cli = (args: readonly string[], cwd = scratch()) =>
  runCli(args, { env: { TLS_CERT_DIR: world.certDir }, cwd })

function expectHarmless(...outputs: string[]): void {
  for (const output of outputs) expect(output.replace(/[\n\t]/g, '')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
}

describe('tools', () => {
  test('lists names, what they do, and what they take', async () => {
    const { exitCode, stdout, stderr } = await cli(['tools', url])
    expect([exitCode, stderr]).toEqual([0, ''])
    expectHarmless(stdout)
    expect(stdout).toMatch(
      /^typed {2}read-only\n {2}Says what it was given\n {4}count {2}integer up to 10 {2}required\n {4}tags {3}list of string\n\nstructured\n/,
    )
  })

  test('fits a terminal, with names in bold', async () => {
    const { done, stdout } = atTerminal(['tools', url, '--cert-dir', world.certDir])
    expect(await done).toBe(0)
    expect(stdout()).toContain('typed')
  })

  test('--json is the list of the protocol', async () => {
    const { stdout } = await cli(['tools', url, '--json'])
    const { tools, resultType, nextCursor } = JSON.parse(stdout)
    expect([resultType, nextCursor]).toEqual(['complete', undefined])
    expect(tools[0]).toMatchObject({ name: 'typed', inputSchema: { required: ['count'] } })
    expectHarmless(stdout)
  })
})

describe('pages', () => {
  /** A server whose pages of tools follow each other like this. */
  const paged = (next: (cursor: string | undefined) => string | undefined) =>
    foreignServer(world.server, (_request, response, body) => {
      const { id, method, params } = JSON.parse(body)
      const cursor: string | undefined = params?.cursor
      const result =
        method === 'server/discover'
          ? {
              supportedVersions: ['2026-07-28'],
              capabilities: { tools: {} },
              serverInfo: { name: 'paged', version: '1.0.0' },
            }
          : {
              ttlMs: 0,
              cacheScope: 'private',
              tools: [{ name: `tool-${cursor ?? '0'}`, inputSchema: { type: 'object' } }],
              nextCursor: next(cursor),
            }
      response.writeHead(200, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } }))
    })

  test('all of them are one list', async () => {
    await using server = await paged((cursor = '0') =>
      cursor === '99' ? undefined : String(Number(cursor) + 1),
    )
    const { stdout, stderr } = await cli(['tools', server.url, '--json'])
    const { tools, nextCursor } = JSON.parse(stdout)
    expect(tools.map(({ name }: { name: string }) => name)).toEqual(
      Array.from({ length: 100 }, (_, n) => `tool-${n}`),
    )
    expect([nextCursor, stderr]).toEqual([undefined, ''])
  })

  test('a circle ends, and is told', async () => {
    await using server = await paged((cursor) => (cursor === 'a' ? 'b' : 'a'))
    const { exitCode, stdout, stderr } = await cli(['tools', server.url])
    expect([exitCode, stdout]).toEqual([0, 'tool-0\n\ntool-a\n\ntool-b\n'])
    expect(stderr).toMatch(/^warning: the pages of tools\/list go in a circle/)
  })

  test('a list without an end is given up', async () => {
    let pages = 0
    await using server = await paged(() => String(++pages))
    const { exitCode, stderr } = await cli(['tools', server.url])
    expect([exitCode, stderr]).toEqual([3, expect.stringMatching(/more than 1000 pages/)])
  })
})

describe('resources', () => {
  test('lists them', async () => {
    const { stdout } = await cli(['resources', url])
    expectHarmless(stdout)
    expect(stdout).toMatch(
      /^note:\/\/one {2}note, text\/plain\n {2}\\x1b.*\n\nnote:\/\/bytes {2}bytes, image\/png, 3 bytes\n$/,
    )
    const json = JSON.parse((await cli(['resources', url, '--json'])).stdout)
    expect(json).toMatchObject({ resources: [{ uri: 'note://one' }, {}], resourceTemplates: [] })
  })

  test('reads text, without what a terminal would obey', async () => {
    const { exitCode, stdout } = await cli(['resources', url, 'note://one'])
    expect([exitCode, stdout]).toEqual([0, 'a note \\x1b[2Jred\\u{202e}\\x9b0m\\x0dover\n'])
  })

  test('tells of bytes, and writes them to a file or a pipe as they are', async () => {
    const cwd = scratch()
    const told = await cli(['resources', url, 'note://bytes'])
    expect(told).toMatchObject({
      stdout: '[image/png, 3 bytes]\n',
      stderr: 'note: --output FILE writes the bytes\n',
    })
    const { stdout, stderr } = await cli(['resources', url, 'note://bytes', '--output', 'b.png'], cwd)
    expect([stdout, stderr]).toEqual(['', 'written: b.png (image/png, 3 bytes)\n'])
    expect([...readFileSync(join(cwd, 'b.png'))]).toEqual([0, 255, 27])
    await cli(['resources', url, 'note://one', '--output', 'a.txt'], cwd)
    expect(readFileSync(join(cwd, 'a.txt'), 'utf8')).toBe(`a note ${hostile}\n`)
    const piped = await runProcess([
      'resources',
      url,
      'note://one',
      '--output',
      '-',
      '--cert-dir',
      world.certDir,
    ])
    expect(piped.stdout).toBe(`a note ${hostile}\n`)
  })

  test('an unknown one is the error of the server', async () => {
    const { exitCode, stdout, stderr } = await cli(['resources', url, 'note://none'])
    expect([exitCode, stdout]).toEqual([1, ''])
    expect(stderr).toMatch(/^error: -\d+: /)
  })

  test.each([
    [['--output', 'x'], /--output is for the content of one resource/],
    [['note://one', '--output', 'x', '--json'], /both say what to write/],
    [['note://one', 'more'], /too many arguments: "more"/],
  ])('%j is bad usage', async (words, message) => {
    const cwd = scratch()
    const { exitCode, stderr } = await cli(['resources', url, ...words], cwd)
    expect([exitCode, stderr]).toEqual([64, expect.stringMatching(message)])
    expect(existsSync(join(cwd, 'x'))).toBe(false)
  })
})

describe('prompts', () => {
  test('lists them, with what they take', async () => {
    const { stdout } = await cli(['prompts', url])
    expect(stdout).toBe('review\n  Looks at code\n    language  text  required\n    style     text\n')
    expect(JSON.parse((await cli(['prompts', url, '--json'])).stdout).prompts).toHaveLength(1)
  })

  test('gets one', async () => {
    const { exitCode, stdout } = await cli(['prompts', url, 'review', 'language=5'])
    expect(exitCode).toBe(0)
    expect(stdout).toBe('user:\n  Review this 5\\x1b[2Jred\\u{202e}\\x9b0m\\x0dover\n')
    const json = await cli(['prompts', url, 'review', '{"language":"Go"}', '--json'])
    expect(JSON.parse(json.stdout).messages[0].content.text).toBe(`Review this Go${hostile}`)
  })

  test.each([
    [['reveiw'], /there is no prompt "reveiw".*\nhint: Did you mean review\?/],
    [['review'], /missing: language/],
    [['review', 'langage=x'], /unknown argument "langage"\nhint: Did you mean language\?/],
    [['review', '{"language":5}'], /language: expected text/],
  ])('%j is bad usage', async (words, message) => {
    const { exitCode, stdout, stderr } = await cli(['prompts', url, ...words])
    expect([exitCode, stdout]).toEqual([64, ''])
    expect(stderr).toMatch(message)
  })
})

test('a server that has none of a kind is said to have none', async () => {
  await using plain = await serveTest({ tls: world.tls })
  for (const what of ['resources', 'prompts']) {
    const { exitCode, stdout, stderr } = await cli([what, plain.server.url])
    expect([exitCode, stdout]).toEqual([0, ''])
    expect(stderr).toMatch(new RegExp(`^note: localhost:\\d+ has no ${what}, or shows none`))
  }
  expect(JSON.parse((await cli(['prompts', plain.server.url, '--json'])).stdout)).toEqual({ prompts: [] })
})
