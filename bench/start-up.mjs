// node bench/start-up.mjs [--rounds N] [--json]
// How long commands take, from their start to their end, beside the least that could: `--help` beside an empty Node,
// `cert-gen` and `cert-check` beside openssl.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
const program = fileURLToPath(new URL('../dist/bundle/mcp-mtls.js', import.meta.url))
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

/** What `cert-gen` makes by default, as openssl makes it: keys, requests, certificates of the same extensions. */
const bySh = `set -e
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ca.key
openssl req -x509 -new -key ca.key -days 3650 -subj '/CN=mcp-mtls CA 123456' -out ca.crt \\
  -addext basicConstraints=critical,CA:TRUE,pathlen:0 -addext keyUsage=critical,keyCertSign,cRLSign
for name in server client; do
  {
    echo basicConstraints=critical,CA:FALSE
    echo keyUsage=critical,digitalSignature
    echo extendedKeyUsage=$name"Auth"
    if [ $name = server ]; then echo subjectAltName=DNS:mcp-server,DNS:localhost,IP:127.0.0.1,IP:::1; fi
    echo subjectKeyIdentifier=hash
    echo authorityKeyIdentifier=keyid
  } > $name.ext
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out $name.key
  openssl req -new -key $name.key -subj /CN=mcp-$name -out $name.csr
  openssl x509 -req -in $name.csr -CA ca.crt -CAkey ca.key -days 365 -extfile $name.ext -out $name.crt 2> /dev/null
done`

function opensslSet() {
  const directory = join(scratch, newName())
  mkdirSync(directory)
  return time('sh', ['-c', bySh], directory)
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
