import { connect, type MtlsClient, type TlsConnection } from '../../../client/index.js'
import { ask } from '../../../coordinator/index.js'
import { type RunningServer, type SecurityEvent, type Subscriber, serve } from '../../../server/index.js'
import { builtInServers } from '../../../servers/index.js'
import { day, printable } from '../../io/output.js'
import { marks, type Paint } from '../../terminal/paint.js'
import { table } from '../../terminal/table.js'
import { type Policed, tryAgents } from './agents.js'
import { type DemoCertificates, makeDemoCertificates } from './certificates.js'
import { type Refusal, tryStrangers } from './strangers.js'

export interface Stage {
  readonly directory: string
  readonly print: (lines: readonly string[]) => void
  readonly paint: Paint
  readonly signal: AbortSignal
}

/** What happened, for `--json`. */
export interface Story {
  readonly ok: boolean
  readonly questions: readonly { question: string; answer: string; ok: boolean }[]
  readonly connections: readonly {
    ok: boolean
    server: string
    tls: string
    cipher: string
    key_exchange: string
    server_identity: string
    client_identity: string
  }[]
  readonly strangers: readonly Refusal[]
  readonly agents: Policed['agents']
  readonly record: Policed['record']
  readonly duration_ms: number
}

const questions = [
  "What's the weather and the time in Tokyo and in Kathmandu?",
  'What time is it in Lima when it is 09:30 in Oslo?',
  'echo hello over mutual TLS',
]

/** Runs the whole demo; every line it prints describes something that has just happened. */
export async function tellStory({ directory, print, paint, signal }: Stage): Promise<Story> {
  const begun = performance.now()
  const mark = (ok: boolean) => paint(...marks[ok ? 'ok' : 'critical'])
  const section = (title: string, aside: string, rows: readonly Row[]) => {
    const lines = table(rows.map(({ cells }) => cells))
    print(['', `${paint('bold', title)}  ${paint('dim', aside)}`])
    print(lines.map((line, index) => `  ${mark(rows[index]?.ok === true)} ${line}`))
  }
  print([`${paint('bold', 'mcp-mtls')}: MCP servers and an agent that prove to each other who they are`])

  const certificates = await makeDemoCertificates(directory)
  section('Certificates', 'a private CA, and one certificate for each side', certificateRows(certificates))

  const verdicts = new VerdictQueue()
  await using servers = await startServers(directory, verdicts.subscriber)
  signal.throwIfAborted()
  const listening = servers.all.map(({ name, url }) => ({ ok: true, cells: [name, url] }))
  section('Servers', 'mutual TLS, strict, on free ports of this machine', listening)

  print([
    '',
    `${paint('bold', 'Questions')}  ${paint('dim', 'the agent plans calls, and makes them over mutual TLS')}`,
  ])
  const answers: Story['questions'][number][] = []
  for (const question of questions) {
    const { answer, failures } = await ask(question, { servers: connectors(servers.all, directory), signal })
    const ok = failures.length === 0
    answers.push({ question, answer, ok })
    print([
      `  ${paint('cyan', '?')} ${question}`,
      ...answer.split('\n').map((line) => `  ${mark(ok)} ${printable(line)}`),
    ])
  }

  const connections = await whoSawWhom(servers.all, directory)
  section('Connections', 'what was negotiated, and who saw whom', connections.map(connectionRow))

  const echo = servers.all.at(-1)
  const strangers = echo ? await tryStrangers(echo, certificates, () => verdicts.next()) : []
  section('Strangers', 'six ways in that must be shut', strangers.map(strangerRow))

  const { agents, record } = await tryAgents(directory, certificates.ca)
  section('Agents', 'one server, one policy: who may call what, and a record that proves it', [
    ...agents.map(agentRow),
    recordRow(record),
  ])

  const steps = [...answers, ...connections, ...strangers, ...agents, record]
  const ok = steps.every((step) => step.ok)
  const durationMs = Math.round(performance.now() - begun)
  const next = paint('bold', 'npx mcp-mtls cert-gen && npx mcp-mtls serve all')
  print([
    '',
    ok
      ? `${paint('green', 'All as it must be')}, in ${(durationMs / 1000).toFixed(1)} s. Your turn: ${next}`
      : paint('red', 'Something is not as it must be: see the lines marked ✗.'),
  ])
  return { ok, questions: answers, connections, strangers, agents, record, duration_ms: durationMs }
}

interface Row {
  readonly ok: boolean
  readonly cells: readonly string[]
}

function connectionRow({ ok, ...row }: Story['connections'][number]): Row {
  const who = [`agent saw ${row.server_identity}`, `server saw ${row.client_identity}`]
  return { ok, cells: [row.server, row.tls, row.cipher, row.key_exchange, ...who] }
}

function strangerRow({ ok, who, told, logged }: Refusal): Row {
  return { ok, cells: [who, told === undefined ? 'connection closed' : `403 ${told}`, `logged as ${logged}`] }
}

function agentRow({ ok, agent, sees, call }: Policed['agents'][number]): Row {
  return { ok, cells: [agent, `sees ${sees.join(', ')}`, `getForecast: ${call}`] }
}

function recordRow({ ok, lines, checkpoints, denied }: Policed['record']): Row {
  const said = [
    `${lines} lines, ${denied} denied`,
    `${checkpoints} signed ${checkpoints === 1 ? 'checkpoint' : 'checkpoints'}: ${ok ? 'verified' : 'not verified'}`,
  ]
  return { ok, cells: ['calls.jsonl', ...said] }
}

function certificateRows({ ca, server, client }: DemoCertificates): Row[] {
  const until = (date: Date) => `until ${day(date)}`
  const names = [...server.facts.names.dns, ...server.facts.names.ip].join(', ')
  const rows = [
    ['ca.crt', ca.facts.key.text, until(ca.facts.notAfter), ca.facts.subject],
    ['server.crt', server.facts.key.text, until(server.facts.notAfter), names],
    ['client.crt', client.facts.key.text, until(client.facts.notAfter), client.facts.subject],
  ]
  return rows.map((cells) => ({ ok: true, cells }))
}

interface Servers extends AsyncDisposable {
  readonly all: readonly RunningServer[]
}

async function startServers(certDir: string, onSecurityEvent: Subscriber): Promise<Servers> {
  const all: RunningServer[] = []
  const close = async () => {
    await Promise.all(all.map((server) => server.close({ drainTimeout: 0 })))
  }
  try {
    for (const { name, create } of Object.values(builtInServers)) {
      const factory = create({ weatherProvider: 'simulated' })
      all.push(await serve(factory, { name, tlsPort: 0, tls: { certDir }, log: false, onSecurityEvent }))
    }
  } catch (error) {
    await close()
    throw error
  }
  return { all, [Symbol.asyncDispose]: close }
}

const open = (server: RunningServer, certDir: string): Promise<MtlsClient> =>
  connect({ serverUrl: server.url, tls: { certDir }, log: false })

function connectors(servers: readonly RunningServer[], certDir: string) {
  return Object.fromEntries(
    servers.map((server) => [server.name.replace(/-mcp$/, ''), () => open(server, certDir)]),
  )
}

async function whoSawWhom(
  servers: readonly RunningServer[],
  certDir: string,
): Promise<Story['connections'][number][]> {
  return Promise.all(
    servers.map(async (server) => {
      await using client = await open(server, certDir)
      const ours: TlsConnection | undefined = client.connection()
      const theirs = server.connections().find(({ state }) => state === 'verified')
      return {
        ok: ours?.verified === true && theirs?.verified === true,
        server: server.name,
        tls: ours?.tlsVersion ?? 'none',
        cipher: ours?.cipherSuite ?? 'none',
        key_exchange: ours?.keyExchange ?? 'unknown',
        server_identity: ours?.peer?.id ?? 'nobody',
        client_identity: theirs?.peer?.id ?? 'nobody',
      }
    }),
  )
}

/** The servers' events for each connection, in order; an accepted connection is an event too. */
class VerdictQueue {
  readonly #waiting: ((event: SecurityEvent) => void)[] = []

  readonly subscriber: Subscriber = (event) => {
    if (/^(connection-accepted|connection-refused|handshake-failed)$/.test(event.event))
      this.#waiting.shift()?.(event)
  }

  next(): Promise<SecurityEvent> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
