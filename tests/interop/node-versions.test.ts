import { execFileSync, spawn } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/client/index.js'
import { bin } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { describeWith } from '../support/tools.js'

/** The path of another Node from the package registry; empty when it cannot be had here. */
function nodeOfVersion(major: number): string {
  try {
    const args = ['--yes', '--fetch-retries=0', `node@${major}`, '--print', 'process.execPath']
    return execFileSync('npx', args, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 60_000,
    }).trim()
  } catch {
    return ''
  }
}

for (const major of [22, 24, 26]) {
  const node = nodeOfVersion(major)
  describeWith(`Node ${major}`, node !== '', `the built command line on Node ${major}`, () =>
    onNode(major, node),
  )
}

function onNode(major: number, node: string) {
  test('makes certificates, serves, and is called from this Node and from its own', async () => {
    const cwd = scratch()
    const run = (...args: string[]) => execFileSync(node, args, { cwd, encoding: 'utf8', stdio: 'pipe' })
    expect(run('--version')).toMatch(new RegExp(`^v${major}\\.`))
    run(bin, 'cert-gen')

    const server = spawn(node, [bin, 'serve', 'echo', '--tls-port', '0'], { cwd })
    onTestFinished(() => void server.kill('SIGKILL'))
    const url = await new Promise<string>((resolve, reject) => {
      let printed = ''
      const look = (chunk: Buffer) => {
        printed += chunk
        const [found] = /https:\/\/localhost:\d+\/mcp/.exec(printed) ?? []
        if (found) resolve(found)
      }
      server.stdout.on('data', look)
      server.stderr.on('data', look)
      server.once('exit', () => reject(new Error(printed)))
    })

    await using client = await connect({ serverUrl: url, tls: { certDir: `${cwd}/certs` }, log: false })
    expect(await client.callTool({ name: 'whoami', arguments: {} })).toMatchObject({
      structuredContent: { id: 'cn:mcp-client', verified: true, tls: { version: 'TLSv1.3' } },
    })
    const env = { PATH: process.env.PATH, MCP_ECHO_URL: url }
    const asked = execFileSync(node, [bin, 'ask', 'echo hello'], {
      cwd,
      env,
      encoding: 'utf8',
      stdio: 'pipe',
    })
    expect(asked).toContain('hello')

    const ended = new Promise((resolve) => server.once('exit', resolve))
    await client.close()
    server.kill('SIGTERM')
    expect(await ended).toBe(0)
  })
}
