import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { freePort } from './free-port.js'
import { scratch } from './scratch.js'

/** Debian's nginx with the certificates of a directory and these directives; gives its port. Ends with the test. */
export async function nginx(certDir: string, ...directives: string[]): Promise<number> {
  const port = await freePort()
  const prefix = scratch()
  mkdirSync(join(prefix, 'logs'))
  writeFileSync(
    join(prefix, 'nginx.conf'),
    `pid nginx.pid; error_log stderr; daemon off; master_process off;
    events {}
    http {
      access_log off;
      client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
      server {
        listen 127.0.0.1:${port} ssl;
        ssl_certificate ${certDir}/server.crt;
        ssl_certificate_key ${certDir}/server.key;
        ssl_client_certificate ${certDir}/ca.crt;
        ${directives.map((directive) => `${directive};`).join('\n')}
        location / { return 200 "hello"; }
      }
    }`,
  )
  const child = spawn('nginx', ['-p', prefix, '-c', join(prefix, 'nginx.conf')])
  onTestFinished(() => void child.kill())
  let said = ''
  child.stderr.on('data', (chunk) => (said += chunk))
  const ended = once(child, 'close').then(() => Promise.reject(new Error(`nginx ended: ${said}`)))
  ended.catch(() => {})
  await Promise.race([listening(port), ended])
  return port
}

/** nginx does not say when it listens: it is asked until it does. */
async function listening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1')
    const open = await new Promise((resolve) =>
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false)),
    )
    socket.destroy()
    if (open) return
    await new Promise(setImmediate)
  }
}
