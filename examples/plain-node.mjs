// A listener of node:http behind mutual TLS: node examples/plain-node.mjs [directory of certificates] [port]
import { createMtlsServer, identityOf } from 'mcp-mtls/server'

const [certDir = './certs', port = '8443'] = process.argv.slice(2)

const server = createMtlsServer((request, response) => response.end(`Hello ${identityOf(request)?.id}\n`), {
  name: 'plain-node',
  tlsPort: Number(port),
  tls: { certDir },
})
server.listen(() => console.log(`https://localhost:${server.address().port}/`))
process.once('SIGTERM', () => server.close())
