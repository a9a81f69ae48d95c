import { afterEach, expect, test, vi } from 'vitest'
import { releaseDate } from '../../src/config/index.js'
import { runCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

afterEach(() => void vi.useRealTimers())

const at = (now: Date | number) => vi.useFakeTimers({ toFake: ['Date'], now })

test('whoever issues under a clock before the day of this version is warned, and it is done', async () => {
  const cwd = scratch()
  at(new Date('2020-02-02T12:00:00Z'))
  const warning = `warning: the clock of this machine says 2020-02-02, and this version of mcp-mtls was made on ${releaseDate.toISOString().slice(0, 10)}\nhint: Set the clock and issue again: `
  for (const line of [
    'cert-gen',
    'cert-gen client agent-7',
    'cert-renew --all',
    'cert-revoke certs/agent-7.crt',
    'cert-rotate-ca',
  ]) {
    const { exitCode, stdout, stderr } = await runCli([...line.split(' '), '--json'], { cwd })
    expect(stderr, line).toContain(warning)
    expect(exitCode, line).toBe(0)
    expect(JSON.parse(stdout)).not.toHaveProperty('error')
  }
})

test('on the day itself nobody is warned', async () => {
  at(releaseDate)
  const { exitCode, stderr } = await runCli(['cert-gen'], { cwd: scratch() })
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
})
