import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type Audit, type AuditOptions, type CallEnd, openAudit } from '../../src/audit/index.js'
import type { Disk } from '../../src/audit/record-file.js'
import type { Call } from '../../src/auth/call.js'
import type { Identity } from '../../src/auth/identity.js'
import { scratch } from './scratch.js'

export const reporting: Identity = Object.freeze({
  id: 'spiffe://demo.local/agent/reporting',
  verified: true,
  names: ['spiffe://demo.local/agent/reporting'],
  subject: 'CN=reporting',
  issuer: 'CN=Demo CA',
  serial: '0a0b',
  fingerprint256: 'ab'.repeat(32),
  trustDomain: undefined,
  domainsBound: false,
  notAfter: new Date('2099-01-01'),
})

/** A call of a tool that went well. */
export function endedCall(call: Partial<Call> = {}, end: Partial<CallEnd> = {}): CallEnd {
  return {
    call: {
      caller: reporting,
      server: 'weather-mcp',
      protocolVersion: '2026-07-28',
      id: 1,
      method: 'tools/call',
      target: { kind: 'tool', name: 'getTemperature' },
      arguments: { city: 'Tokyo' },
      ...call,
    },
    address: '192.0.2.7',
    decision: 'allowed',
    rule: 'reporting reads the weather',
    outcome: 'ok',
    durationMs: 12.3456,
    requestId: 'request-1',
    bytesIn: 120,
    bytesOut: 340,
    ...end,
  }
}

export interface OpenRecord extends AsyncDisposable {
  readonly audit: Audit
  readonly path: string
  lines(): readonly Readonly<Record<string, unknown>>[]
}

/** A record in a directory of its own. */
export async function openRecord(options: Partial<AuditOptions> = {}, disk?: Disk): Promise<OpenRecord> {
  const path = typeof options.sink === 'string' ? options.sink : join(scratch(), 'audit.jsonl')
  const audit = await openAudit({ ...options, sink: path }, disk)
  onTestFinished(() => audit.close())
  const lines = () => linesIn(path)
  return { audit, path, lines, [Symbol.asyncDispose]: () => audit.close() }
}

export function linesIn(path: string): readonly Readonly<Record<string, unknown>>[] {
  const text = readFileSync(path, 'utf8')
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
}
