// A Fastify application behind mutual TLS: node examples/fastify.mjs [directory of certificates] [port]
import Fastify from 'fastify'
import { createMtlsServer, identityOf } from 'mcp-mtls/server'

const [certDir = './certs', port = '8443'] = process.argv.slice(2)

const app = Fastify({
  serverFactory: (handler) => createMtlsServer(handler, { name: 'fastify', tls: { certDir } }),
})
app.get('/', (request) => `Hello ${identityOf(request.raw)?.id}\n`)

await app.listen({ port: Number(port) })
console.log(`https://localhost:${app.server.address().port}/`)
process.once('SIGTERM', () => app.close())
