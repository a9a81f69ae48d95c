// A program that answers `initialize` with whatever follows `"id":0,` on its command line, and closes what a tool is called:
// `stdin` or `stdout`. It answers nothing else, and lives on.
import { closeSync } from 'node:fs'

const [initialize] = process.argv.slice(2)
const answer =
  initialize ??
  '"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"liar","version":"1"}}'
setInterval(() => {}, 60_000)
process.stdin.on('error', () => {})
process.stdin.on('data', (chunk) => {
  for (const line of chunk.toString().split('\n').filter(Boolean)) {
    const { id, method, params } = JSON.parse(line)
    if (method === 'initialize') process.stdout.write(`{"jsonrpc":"2.0","id":${id},${answer}}\n`)
    if (method !== 'tools/call') continue
    closeSync(params.name === 'stdin' ? 0 : 1)
  }
})
