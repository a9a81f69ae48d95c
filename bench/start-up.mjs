// node bench/start-up.mjs [--rounds N] [--json]
// How long commands take, from their start to their end, beside the least that could: `--help` beside an empty Node,
// `cert-gen` and `cert-check` beside openssl.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { issue, makeCertificateSet, openAuthority } from '../dist/pki/index.js'
import { median, percentile, round } from './figures.mjs'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '11' }, json: { type: 'boolean', default: false } },
})
const rounds = Number(values.rounds)
const program = fileURLToPath(new URL('../dist/cli/bin.js', import.meta.url))
const scratch = mkdtempSync(join(tmpdir(), 'mcp-mtls-bench-'))

/** Milliseconds. @param {string} command @param {readonly string[]} args */
function time(command, args, cwd = scratch) {
  const begun = performance.now()
  execFileSync(command, args, { cwd, stdio: 'ignore' })
  return performance.now() - begun
}

let made = 0
const newName = () => `made-${made++}`
const ours = (/** @type {string[]} */ ...args) => time(process.execPath, [program, ...args])

/** The same three certificates with the same keys: a CA, a server, a client. */
function opensslSet() {
  const name = newName()
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  const ca = ['req', '-x509', ...ec, '-keyout', `${name}.ca.key`, '-out', `${name}.ca.crt`, '-subj', '/CN=ca']
  const leaf = (/** @type {string} */ of) =>
    time('openssl', [
      ...['req', '-x509', ...ec, '-keyout', `${name}.${of}.key`, '-out', `${name}.${of}.crt`],
      ...['-subj', `/CN=${of}`, '-CA', `${name}.ca.crt`, '-CAkey', `${name}.ca.key`],
    ])
  return time('openssl', ca) + leaf('server') + leaf('client')
}

try {
  const certDir = join(scratch, 'certs')
  await makeCertificateSet({ certDir })
  const read = (/** @type {string} */ path) => ({ path, text: readFileSync(join(certDir, path), 'utf8') })
  const authority = openAuthority(read('ca.crt'), read('ca.key'))
  /** @type {string[]} */
  const leaves = []
  for (let count = 0; count < 300; count++) {
    const { certificate } = await issue(authority, { type: 'client', commonName: `client-${count}` })
    writeFileSync(join(certDir, `client-${count}.crt`), certificate)
    leaves.push(`client-${count}.crt`)
  }
  const pairs = [
    {
      what: '--help ÷ node -e 0',
      ours: () => ours('--help'),
      theirs: () => time(process.execPath, ['-e', '0']),
    },
    { what: 'cert-gen ÷ openssl', ours: () => ours('cert-gen', '--cert-dir', newName()), theirs: opensslSet },
    {
      what: `cert-check of ${leaves.length} ÷ openssl verify`,
      ours: () => ours('cert-check', certDir),
      theirs: () => time('openssl', ['verify', '-CAfile', 'ca.crt', ...leaves], certDir),
    },
  ]
  const start_up = pairs.map(({ what, ours, theirs }) => {
    ours()
    theirs()
    const ratios = Array.from({ length: rounds }, () => ours() / theirs())
    const [ratio, low, high] = [median(ratios), percentile(ratios, 0.25), percentile(ratios, 0.75)]
    return { what, ratio: round(ratio), low: round(low), high: round(high) }
  })
  if (values.json) process.stdout.write(`${JSON.stringify({ start_up })}\n`)
  else
    for (const { what, ratio, low, high } of start_up)
      process.stdout.write(`${what.padEnd(34)} × ${ratio} (${low} … ${high})\n`)
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
