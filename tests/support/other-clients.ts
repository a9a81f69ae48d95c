import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'

/** Somebody else's client, and what it is given. */
export interface OtherCall {
  readonly url: string
  /** Paths of PEM files. */
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  /** Of the tool itself. */
  readonly args?: readonly string[]
}

export type OtherClient = 'curl' | 'openssl' | 'node' | 'python'

/** Everything a client prints when it calls a URL, stdout and stderr. */
export async function printedBy(client: OtherClient, call: OtherCall): Promise<string> {
  const [command, ...args] = commands[client](call)
  // Messages in English, and no settings of this machine's user.
  const env = { PATH: process.env.PATH, LANG: 'C' }
  const child = spawn(command, args, { env, timeout: 10_000 })
  child.stdin
    .on('error', () => {})
    .end('GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  return (await Promise.all([text(child.stdout), text(child.stderr)])).join('')
}

const nodeScript = `
const { readFileSync } = require('node:fs')
const [url, ca, cert, key] = process.argv.slice(1)
const read = (path) => (path ? readFileSync(path) : undefined)
const { get } = require(url.startsWith('https') ? 'node:https' : 'node:http')
try {
  get(url, { ca: read(ca), cert: read(cert), key: read(key) }, (response) => response.pipe(process.stdout))
    .on('error', (error) => console.log(error.reason ? error.code + ': ' + error.reason : error.code))
} catch (error) { console.log(error.code) }`

const pythonScript = `
import ssl, sys, urllib.request
url, ca, cert, key = sys.argv[1:5]
try:
    context = ssl.create_default_context(cafile=ca or None)
    if cert: context.load_cert_chain(cert, key)
    print(urllib.request.urlopen(url, context=context, timeout=5).read().decode())
except urllib.error.HTTPError as error:
    print(error.read().decode())
except Exception as error:
    print(f'{type(error).__name__}: {error}')`

const commands: Readonly<Record<OtherClient, (call: OtherCall) => readonly [string, ...string[]]>> = {
  curl: ({ url, ca, cert, key, args = [] }) => [
    'curl',
    '-sS',
    ...(ca ? ['--cacert', ca] : []),
    ...(cert ? ['--cert', cert] : []),
    ...(key ? ['--key', key] : []),
    ...args,
    url,
  ],
  openssl: ({ url, ca, cert, key, args = [] }) => [
    'openssl',
    's_client',
    '-connect',
    new URL(url).host,
    '-ign_eof',
    ...(ca ? ['-CAfile', ca] : []),
    ...(cert ? ['-cert', cert] : []),
    ...(key ? ['-key', key] : []),
    ...args,
  ],
  node: ({ url, ca = '', cert = '', key = '', args = [] }) => [
    process.execPath,
    ...args,
    '-e',
    nodeScript,
    url,
    ca,
    cert,
    key,
  ],
  python: ({ url, ca = '', cert = '', key = '' }) => ['python3', '-c', pythonScript, url, ca, cert, key],
}
