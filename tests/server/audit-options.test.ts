import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type ServeOptions, serve } from '../../src/server/index.js'
import { builtInServers } from '../../src/servers/index.js'
import { scratch } from '../support/scratch.js'

const served = (options: Omit<ServeOptions, 'name' | 'tlsEnabled'>, name = 'echo-mcp') =>
  serve(builtInServers.echo.create({ weatherProvider: 'simulated', openMeteoUrl: '' }), {
    name,
    tlsEnabled: false,
    log: false,
    ...options,
  })

async function ask(url: string, method: string, params: object): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'mcp-protocol-version': '2025-06-18',
    },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
  })
  await response.text()
}

test('a function gets each line of the record, as the options say', async () => {
  const lines: Readonly<Record<string, unknown>>[] = []
  const audit = { arguments: true, redact: ['text'] }
  const server = await served({ auditLog: (record) => lines.push(record), audit })
  await ask(server.url, 'tools/call', { name: 'echo', arguments: { text: 'a secret' } })
  await server.close()
  expect(lines).toContainEqual(
    expect.objectContaining({ tool: 'echo', outcome: 'ok', arguments: { text: '[redacted]' } }),
  )
})

test('servers that share a record say the same of it', async () => {
  const auditLog = join(scratch(), 'audit.jsonl')
  await using first = await served({ auditLog, audit: { checkpoint: { lines: 5, ms: 60_000 } } })
  await using second = await served({ auditLog, audit: { checkpoint: '60s,5' } }, 'other-mcp')
  expect([first.name, second.name]).toEqual(['echo-mcp', 'other-mcp'])
  await expect(served({ auditLog, audit: { arguments: true } }, 'third-mcp')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('other settings of the audit record'),
  })
})
