import { readdir } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeDemoCertificates } from '../../src/cli/commands/demo/certificates.js'
import { tryStrangers } from '../../src/cli/commands/demo/strangers.js'
import type { RunningServer, SecurityEvent } from '../../src/server/index.js'
import { runCli, runProcess, startCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

const refusals = [
  'CLIENT_CERT_REQUIRED',
  'CLIENT_CERT_REJECTED',
  'CLIENT_CERT_REJECTED',
  'CERT_EXPIRED',
  'CERT_INVALID',
  'NOT_TLS',
]

describe('demo', () => {
  test('tells the whole story, twice at once, and leaves nothing behind', async () => {
    const directory = scratch()
    const [one, other] = await Promise.all(
      [0, 1].map(() => runProcess(['demo'], { env: { TMPDIR: directory }, cwd: directory })),
    )
    for (const run of [one, other]) {
      expect(run?.stderr).toBe('')
      expect(run?.exitCode).toBe(0)
      expect(run?.stdout).toContain('All as it must be')
      expect(run?.stdout).not.toContain('✗')
      for (const code of refusals) expect(run?.stdout).toContain(`logged as ${code}`)
      expect(run?.stdout).toMatch(/Tokyo.*Japan[\s\S]*Kathmandu.*Nepal/)
    }
    expect(await readdir(directory)).toEqual([])
  })

  test('gives the same as JSON', async () => {
    const { stdout, exitCode } = await runCli(['demo', '--json'])
    const story = JSON.parse(stdout)
    expect(exitCode).toBe(0)
    expect(story.ok).toBe(true)
    expect(story.strangers.map(({ logged }: { logged: string }) => logged)).toEqual(refusals)
    expect(story.connections).toHaveLength(3)
  })

  test('removes its keys when it is interrupted', async () => {
    const directory = scratch()
    const demo = startCli(['demo'], { env: { TMPDIR: directory } })
    await demo.printed(/Certificates/)
    demo.process.kill('SIGINT')
    expect((await demo.finished).exitCode).toBe(130)
    expect(await readdir(directory)).toEqual([])
  })

  test('a server that lets strangers in is noticed', async () => {
    const directory = scratch()
    const certificates = await makeDemoCertificates(join(directory, 'certs'))
    const { certificate: cert, privateKey: key } = certificates.server
    const open = createServer({ cert, key }, (_request, response) => response.end('{}')).listen(
      0,
      '127.0.0.1',
    )
    await new Promise((resolve) => open.once('listening', resolve))
    const server = { port: (open.address() as AddressInfo).port } as RunningServer
    const accepted = { event: 'connection-accepted' } as SecurityEvent
    const results = await tryStrangers(server, certificates, async () => accepted)
    open.close()
    expect(results).toHaveLength(6)
    expect(results.filter(({ ok }) => ok)).toEqual([])
  })

  test('a flag it does not know is bad usage', async () => {
    expect((await runCli(['demo', '--nonsense'])).exitCode).toBe(64)
  })
})
