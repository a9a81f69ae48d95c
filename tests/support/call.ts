import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'

/** GET with the client certificate of a directory, by Node's own client; the body read as JSON. */
export async function getJson(
  url: string | URL,
  certDir: string,
): Promise<{ status: number; body: unknown }> {
  const read = (name: string) => readFileSync(join(certDir, name))
  const tls = { ca: read('ca.crt'), cert: read('client.crt'), key: read('client.key') }
  return new Promise((resolve, reject) => {
    request(url, { ...tls, agent: false }, (response) => {
      json(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
    })
      .on('error', reject)
      .end()
  })
}
