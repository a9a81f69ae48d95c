// How long a command takes from the prompt to its end, beside a bare Node or what openssl needs for the same:
//   node bench/start-up.mjs [--rounds 15] [--json]
// The two of a pair run in turn, and the median of their ratios counts: a busy machine slows both.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { createAuthority, issue } from 'mcp-mtls/pki'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '15' }, json: { type: 'boolean', default: false } },
})
const bin = fileURLToPath(import.meta.resolve('mcp-mtls/package.json')).replace(
  'package.json',
  'dist/bundle/mcp-mtls.js',
)

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

const scratch = mkdtempSync(join(tmpdir(), 'mcp-mtls-bench-'))
let folders = 0

/** Milliseconds that a command takes in a folder, an empty one unless it is named. */
function time(command, args, cwd = join(scratch, `run-${folders++}`)) {
  mkdirSync(cwd, { recursive: true })
  const begun = performance.now()
  const { status, stderr } = spawnSync(command, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'] })
  const took = performance.now() - begun
  if (status !== 0)
    throw new Error(`${command} ${args.slice(0, 3).join(' ')} ended with ${status}: ${stderr}`)
  return took
}

async function manyCertificates(count) {
  const folder = join(scratch, 'many')
  mkdirSync(folder)
  const authority = await createAuthority()
  writeFileSync(join(folder, 'ca.crt'), authority.certificate)
  const names = Array.from({ length: count }, (_, at) => `client-${at}.crt`)
  for (const name of names) {
    const { certificate } = await issue(authority, { type: 'client', commonName: name })
    writeFileSync(join(folder, name), certificate)
  }
  return { folder, names }
}

const many = await manyCertificates(300)
const ours = (...args) => time(process.execPath, [bin, ...args])
const pairs = [
  {
    what: '--help ÷ node -e 0',
    one: () => ours('--help'),
    other: () => time(process.execPath, ['-e', '0']),
  },
  { what: 'cert-gen ÷ openssl', one: () => ours('cert-gen'), other: () => time('sh', ['-c', bySh]) },
  {
    what: 'cert-check of 300 certificates ÷ openssl verify',
    one: () => ours('cert-check', many.folder),
    other: () => time('openssl', ['verify', '-CAfile', 'ca.crt', ...many.names], many.folder),
  },
]

const median = (numbers) => numbers.toSorted((one, other) => one - other)[numbers.length >> 1]
const rounded = (number) => Math.round(number * 100) / 100
const runs = new Map(pairs.map(({ what }) => [what, []]))
try {
  // The first round warms up the caches of the machine.
  for (let round = 0; round <= Number(values.rounds); round++)
    for (const { what, one, other } of pairs) {
      const run = { one: one(), other: other() }
      if (round > 0) runs.get(what).push(run)
    }
} finally {
  rmSync(scratch, { recursive: true })
}

const figures = pairs.map(({ what }) => {
  const all = runs.get(what)
  const ratios = all.map(({ one, other }) => one / other).sort((one, other) => one - other)
  const at = (part) => rounded(ratios[Math.floor(part * (ratios.length - 1))])
  const [ms, otherMs] = [median(all.map(({ one }) => one)), median(all.map(({ other }) => other))]
  return {
    what,
    ratio: at(0.5),
    low: at(0.1),
    high: at(0.9),
    ms: Math.round(ms),
    other_ms: Math.round(otherMs),
  }
})
if (values.json) console.log(JSON.stringify({ start_up: figures }, undefined, 2))
else
  for (const { what, ratio, low, high, ms, other_ms } of figures)
    console.log(`${what.padEnd(50)} ${ratio.toFixed(2)} (${low} to ${high}; ${ms} ms ÷ ${other_ms} ms)`)
