// The client of the benches: undici below its own API, the least that a request can cost here.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Pool } from 'undici'

/** @param {string} certDir */
export function clientTls(certDir, client = 'client') {
  const read = (/** @type {string} */ name) => readFileSync(join(certDir, name))
  return { ca: read('ca.crt'), cert: read(`${client}.crt`), key: read(`${client}.key`) }
}

/**
 * One server as this client calls it. A call comes back with its text; another answer than a result is an error.
 * @param {string} url @param {string} certDir @param {number} connections
 */
export function caller(url, certDir, connections) {
  const { origin, pathname: path, protocol } = new URL(url)
  const pool = new Pool(origin, {
    connections,
    ...(protocol === 'https:' && { connect: clientTls(certDir) }),
    keepAliveTimeout: 600_000,
    keepAliveMaxTimeout: 600_000,
  })
  /** @param {import('./messages.mjs').Message} message @returns {Promise<string>} */
  const call = ({ headers, body }) =>
    new Promise((resolve, reject) => {
      let status = 0
      /** @type {Buffer[]} */
      const chunks = []
      pool.dispatch(
        { path, method: 'POST', headers, body },
        {
          onRequestStart() {},
          onResponseStart(_controller, code) {
            status = code
          },
          onResponseData(_controller, chunk) {
            chunks.push(chunk)
          },
          onResponseEnd() {
            const text = Buffer.concat(chunks).toString()
            if (status === 200 && text.includes('"result"') && !text.includes('"isError":true')) resolve(text)
            else reject(new Error(`${url} answered ${status}: ${text.slice(0, 300)}`))
          },
          onResponseError(_controller, error) {
            reject(error)
          },
        },
      )
    })
  return { call, close: () => pool.destroy() }
}
