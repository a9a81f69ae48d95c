import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { serverIdsIn } from '../../src/config/index.js'
import { readCertificate } from '../../src/x509/certificate.js'
import { publicKeyHash } from '../../src/x509/public-key-hash.js'
import { runCli } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

const page = readFileSync(new URL('../../docs/trust-domains.md', import.meta.url), 'utf8')

test('every command of the page does what it says, and the pin is that of openssl', async () => {
  const cwd = scratch()
  const [, block = ''] = /^```console\n([\s\S]*?)^```/m.exec(page) ?? []
  const commands = [...block.matchAll(/^\$ npx mcp-mtls (.*)$/gm)].map(([, rest = '']) => rest.split(' '))
  expect(commands).toHaveLength(4)
  for (const command of commands) {
    const { exitCode, stderr } = await runCli(command, { cwd })
    expect(exitCode, `${command.join(' ')}: ${stderr}`).toBe(0)
  }
  const [, pin = ''] = /`(openssl x509 -in server\.crt .* base64)`/.exec(page) ?? []
  const certs = join(cwd, 'certs')
  const base64 = execFileSync('sh', ['-c', pin.replace('server.crt', 'weather.crt')], {
    cwd: certs,
    encoding: 'utf8',
  })
  const leaf = readCertificate(readFileSync(join(certs, 'weather.crt')))
  expect(serverIdsIn(`sha256/${base64.trim()}`)).toEqual([`sha256:${publicKeyHash(leaf)}`])
})

test('the variable that it shows can be read', async () => {
  const [, variable = ''] = /^TLS_TRUST_DOMAINS=(.*)$/m.exec(page) ?? []
  const cwd = scratch()
  for (const directory of ['certs', 'other']) await runCli(['cert-gen', '--cert-dir', directory], { cwd })
  const env = { TLS_TRUST_DOMAINS: variable.replace('partner.crt', 'other/ca.crt') }
  const { exitCode, stdout } = await runCli(['cert-check', '--json'], { cwd, env })
  expect(exitCode).toBe(0)
  for (const domain of ['example.org', 'partner.example'])
    expect(stdout).toContain(`"trust_domain": "${domain}"`)
})
