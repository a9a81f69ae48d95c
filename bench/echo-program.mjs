// The cheapest MCP server on stdin and stdout that there can be, in both kinds of revision.
import { createInterface } from 'node:readline'
import { PROTOCOL_VERSION_META_KEY } from '@modelcontextprotocol/server'
import { answerTo } from './bare-listener.mjs'

createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line)
  const said = answerTo(message, message.params?._meta?.[PROTOCOL_VERSION_META_KEY] === undefined)
  if (said) process.stdout.write(`${JSON.stringify(said)}\n`)
})
