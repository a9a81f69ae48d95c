// node bench/throughput.mjs [--short] [--json] [--seconds N]
// Holds 100 calls a second per server over mTLS, then measures what mTLS costs beside HTTP. Exits 1 on any error.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { makeCertificateSet } from '../dist/pki/index.js'
import { callCost } from './call-cost.mjs'
import { connectionCost } from './connection-cost.mjs'
import { expectations, report } from './report.mjs'
import { steady } from './steady.mjs'

const { values } = parseArgs({
  options: {
    short: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    seconds: { type: 'string' },
  },
})
const { short } = values
const seconds = Number(values.seconds ?? (short ? 3 : 60))

const certDir = mkdtempSync(join(tmpdir(), 'mcp-mtls-bench-'))
try {
  await makeCertificateSet({ certDir })
  const held = await steady({ certDir, seconds, rate: 100 })
  const { calls, judging_us } = await callCost({
    certDir,
    rounds: short ? 3 : 10,
    callsPerRound: short ? 300 : 1000,
  })
  const connections = await connectionCost({ certDir, seconds: short ? 0.5 : 3, idle: short ? 100 : 1000 })
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  const environment = {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    platform: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    openssl: process.versions.openssl,
    version,
  }
  const figures = { environment, steady: held, calls, judging_us, ...connections }
  const result = { ...figures, expected: expectations(figures) }
  process.stdout.write(values.json ? `${JSON.stringify(result, null, 2)}\n` : report(result))
  if (held.errors.length > 0) process.exitCode = 1
} finally {
  rmSync(certDir, { recursive: true, force: true })
}
