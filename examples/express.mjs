// An Express application behind mutual TLS: node examples/express.mjs [directory of certificates] [port]
import express from 'express'
import { createMtlsServer, identityOf } from 'mcp-mtls/server'

const [certDir = './certs', port = '8443'] = process.argv.slice(2)

const app = express()
app.get('/', (request, response) => response.send(`Hello ${identityOf(request)?.id}\n`))

const server = createMtlsServer(app, { name: 'express', tlsPort: Number(port), tls: { certDir } })
server.listen(() => console.log(`https://localhost:${server.address().port}/`))
process.once('SIGTERM', () => server.close())
