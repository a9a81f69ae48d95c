import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeWith, onPath } from '../support/tools.js'
import { toolCall } from '../support/wire.js'
import { everyTool, type ThreeServers, threeServers } from './three-servers.js'

const fixture = (name: string) => fileURLToPath(new URL(`fixtures/${name}`, import.meta.url))

let three: ThreeServers
let scratch: string
beforeAll(async () => {
  three = await threeServers()
  scratch = mkdtempSync(join(tmpdir(), 'mcp-mtls-test-'))
})
afterAll(async () => {
  rmSync(scratch, { recursive: true, force: true })
  await three[Symbol.asyncDispose]()
})

interface Foreign {
  readonly name: string
  readonly program: string
  /** The command that runs the client, before its arguments. */
  command(): readonly [string, ...string[]]
}

const clients: readonly Foreign[] = [
  { name: 'Python', program: 'python3', command: () => ['python3', fixture('client.py')] },
  {
    name: 'Go',
    program: 'go',
    command: () => {
      const program = join(scratch, 'client')
      execFileSync('go', ['build', '-o', program, fixture('client.go')], {
        env: { ...process.env, GO111MODULE: 'off', GOTOOLCHAIN: 'local' },
      })
      return [program]
    },
  },
]

for (const { name, program, command } of clients)
  describeWith(name, onPath(program) !== undefined, `a client in ${name}`, () => foreignClient(command))

function foreignClient(command: Foreign['command']) {
  let run: readonly [string, ...string[]]
  beforeAll(() => {
    run = command()
  }, 120_000)

  const post = (url: string, body: string, how: 'with' | 'without') =>
    new Promise<{ status: number; tls: string; body: string }>((resolve, reject) => {
      const [program, ...args] = run
      const child = execFile(program, [...args, url, three.world.certDir, how], (error, stdout) =>
        error ? reject(error) : resolve(JSON.parse(stdout)),
      )
      child.stdin?.end(body)
    })

  test.each(everyTool)('calls a tool of %s: %s', async (server, tool, args, expected) => {
    const { status, tls, body } = await post(three.servers[server].url, toolCall(tool, args), 'with')
    expect([status, tls.replace(' ', 'v')]).toEqual([200, expect.stringMatching(/^TLSv?v?1\.3$/)])
    const [, message = ''] = /^data: (.*)$/m.exec(body) ?? []
    expect(JSON.parse(message).result.structuredContent).toMatchObject(expected)
  })

  test('is refused without a certificate, and can read why', async () => {
    const { status, body } = await post(
      three.servers.echo.url,
      toolCall('echo', { text: 'hello' }),
      'without',
    )
    expect(status).toBe(403)
    expect(JSON.parse(body)).toMatchObject({
      error: { data: { error: 'mtls_rejected' } },
      reason: 'CLIENT_CERT_REQUIRED',
    })
  })
}
