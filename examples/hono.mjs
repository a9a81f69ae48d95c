// A Hono application behind mutual TLS: node examples/hono.mjs [directory of certificates] [port]
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { createMtlsServer, identityOf } from 'mcp-mtls/server'

const [certDir = './certs', port = '8443'] = process.argv.slice(2)

const app = new Hono()
app.get('/', (context) => context.text(`Hello ${identityOf(context.env.incoming)?.id}\n`))

const createServer = (_options, listener) => createMtlsServer(listener, { name: 'hono', tls: { certDir } })
const server = serve({ fetch: app.fetch, port: Number(port), createServer }, (address) =>
  console.log(`https://localhost:${address.port}/`),
)
process.once('SIGTERM', () => server.close())
