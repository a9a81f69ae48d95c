import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { summarizeAudit, verifyAudit } from '../../../audit/index.js'
import { connect } from '../../../client/index.js'
import { type Issued, issue } from '../../../pki/index.js'
import { serve } from '../../../server/index.js'
import { builtInServers } from '../../../servers/index.js'

/** What one agent may do on a server that has a policy. */
export interface AgentSeen {
  readonly ok: boolean
  readonly agent: string
  /** The tools in its list. */
  readonly sees: readonly string[]
  /** What became of the same call: `allowed`, or the code of the denial. */
  readonly call: string
}

export interface Policed {
  readonly agents: readonly AgentSeen[]
  readonly record: {
    readonly ok: boolean
    readonly lines: number
    readonly checkpoints: number
    readonly denied: number
  }
}

const forecaster = 'spiffe://demo.local/agent/forecaster'
const visitor = 'spiffe://demo.local/agent/visitor'
const policy = {
  rules: [
    { name: 'all of the weather', allow: [forecaster], tools: ['*'] },
    { name: 'today alone', allow: [visitor], tools: ['getTemperature'] },
  ],
}
const expected = { [forecaster]: 'allowed', [visitor]: 'NOT_AUTHORIZED' }
/** What both try. */
const tried = { name: 'getForecast', arguments: { city: 'Tokyo', days: 2 } }

/** Two agents, with a certificate each, call a server that has a policy and keeps a record. */
export async function tryAgents(directory: string, ca: Issued): Promise<Policed> {
  const record = join(directory, 'calls.jsonl')
  const agents: AgentSeen[] = []
  const { name, create } = builtInServers.weather
  const server = await serve(create({ weatherProvider: 'simulated' }), {
    name: `${name} with a policy`,
    tlsPort: 0,
    tls: { certDir: directory },
    log: false,
    policy,
    auditLog: record,
  })
  try {
    for (const [agent, outcome] of Object.entries(expected)) {
      const seen = await seenBy(agent, directory, ca, server.url)
      agents.push({ ...seen, ok: seen.call === outcome })
    }
  } finally {
    await server.close({ drainTimeout: 0 })
  }
  const files = [record]
  const { ok, lines, checkpoints } = await verifyAudit({ files })
  const { callers } = await summarizeAudit(files)
  const denied = callers.reduce((sum, caller) => sum + caller.denied, 0)
  return { agents, record: { ok: ok && denied === 1, lines, checkpoints, denied } }
}

async function seenBy(
  agent: string,
  directory: string,
  ca: Issued,
  serverUrl: string,
): Promise<Omit<AgentSeen, 'ok'>> {
  const { certificate, privateKey } = await issue(ca, {
    type: 'client',
    commonName: agent.split('/').at(-1) ?? agent,
    subjectAltNames: [agent],
  })
  const [clientCert, clientKey] = ['agent.crt', 'agent.key'].map((file) => join(directory, file))
  if (!clientCert || !clientKey) throw new Error('unreachable')
  await writeFile(clientCert, certificate)
  await writeFile(clientKey, privateKey, { mode: 0o600 })
  await using client = await connect({
    serverUrl,
    tls: { certDir: directory, clientCert, clientKey },
    log: false,
  })
  const { tools } = await client.listTools()
  const call = await client.callTool(tried).then(
    () => 'allowed',
    (error: { readonly data?: { readonly code?: string } }) => error.data?.code ?? String(error),
  )
  return { agent, sees: tools.map(({ name }) => name), call }
}
