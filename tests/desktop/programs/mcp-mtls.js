// Stands in for `mcp-mtls bridge URL`: a small MCP server on stdin and stdout. The host of its URL says what it does:
//   silent   answers nothing, and leaves its number in ./pid of its directory; broken   says why and ends     two-pages   lists its tools on two pages
//   no-tools has none            tells    has the variables it was started with as the names of its tools
import { writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

const [, , command, url = ''] = process.argv
if (command !== 'bridge') process.exit(64)
const { hostname } = new URL(url)
if (hostname === 'silent') writeFileSync('pid', String(process.pid))
if (hostname === 'broken') {
  process.stderr.write(
    'error: CERT_NOT_FOUND: certificates of the client: /certs/client.crt does not exist\nhint: Make it.\n',
  )
  process.exit(1)
}
const tool = (name) => ({ name, inputSchema: { type: 'object' } })
const pages = {
  'two-pages': [[tool('one')], [tool('two')]],
  tells: [Object.keys(process.env).map(tool)],
}[hostname] ?? [[tool('getTemperature'), tool('getForecast')]]

const answers = {
  initialize: ({ protocolVersion }) => ({
    protocolVersion,
    capabilities: hostname === 'no-tools' ? {} : { tools: {} },
    serverInfo: { name: 'far-away', version: '1.2.3' },
  }),
  'tools/list': ({ cursor = '0' } = {}) => {
    const next = Number(cursor) + 1
    return { tools: pages[Number(cursor)], ...(next < pages.length && { nextCursor: String(next) }) }
  },
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line)
  if (hostname !== 'silent' && id !== undefined && answers[method])
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id, result: answers[method](params) })}\n`)
})
