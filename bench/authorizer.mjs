// npm run build && node bench/authorizer.mjs [--rounds N] [--json]
// CPU time of what a policy of 1,000 rules, metrics and a record on disk add to a call, of the whole process, beside the same loop without
// them: deciding, following, the answer, the line. The aim: 25 µs a call. Exit code 1: missed.
import { EventEmitter } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openAudit } from '../dist/audit/index.js'
import { classify } from '../dist/auth/call.js'
import { readPolicy, requirePolicy, subjectNamed } from '../dist/auth/policy/policy.js'
import { Authorizer } from '../dist/server/authorization/authorizer.js'
import { AuthorizationWatch } from '../dist/server/ops/authorization.js'
import { isAtMost, median, medianInterval, round } from './figures.mjs'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '20' }, json: { type: 'boolean', default: false } },
})
const aim = 25
const calls = 20_000

const rules = Array.from({ length: 1000 }, (_, at) => ({
  name: `rule ${at}`,
  allow: [`spiffe://example.org/agent/${at}`],
  tools: ['echo', `tool-${at}`],
}))
const policy = requirePolicy(await readPolicy({ rules }), 'bench')
const named = subjectNamed(['spiffe://example.org/agent/500'])
if (!('value' in named)) throw new Error(named.message)
const subject = named.value
const caller = {
  id: subject.id,
  verified: true,
  names: [subject.id],
  subject: 'CN=agent',
  issuer: 'CN=CA',
  serial: '0a',
  fingerprint256: 'ab'.repeat(32),
  trustDomain: undefined,
  domainsBound: false,
  notAfter: new Date('2099-01-01'),
}
const body = {
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'echo', arguments: { text: 'x'.repeat(64) } },
}
const origin = { caller, address: '127.0.0.1', server: 'bench', protocolVersion: '2026-07-28' }
const socket = { bytesWritten: 0 }
/** @type {any} */
const answer = { jsonrpc: '2.0', id: 1, result: { content: [{ type: 'text', text: 'x'.repeat(64) }] } }

/** What is done for a call, as far as it is about this. @param {Authorizer | undefined} authorizer */
async function oneCall(authorizer) {
  const classified = classify(body, origin).calls
  const [call] = classified
  const response = new EventEmitter()
  response.once('close', () => {})
  if (call && authorizer) {
    const inbound = {
      request: { headers: {}, socket },
      response,
      body,
      calls: classified,
      isLegacy: false,
      plain: {},
      bytesIn: 200,
    }
    await authorizer.admit(/** @type {any} */ (inbound))
    authorizer.begun(call, { revoke: () => true })
    authorizer.shown(call, answer)
    authorizer.onCall({ call, outcome: 'ok', seconds: 0 })
  } else await undefined
  response.emit('finish')
  response.emit('close')
}

/** @param {Authorizer | undefined} authorizer @param {{ drain(): Promise<void> } | undefined} audit */
async function costOf(authorizer, audit) {
  const before = process.cpuUsage()
  for (let at = 0; at < calls; at++) {
    await oneCall(authorizer)
    if (at % 500 === 499) await audit?.drain()
  }
  const { user, system } = process.cpuUsage(before)
  return (user + system) / calls
}

const directory = await mkdtemp(join(tmpdir(), 'mcp-mtls-bench-'))
try {
  const audit = await openAudit({ sink: join(directory, 'calls.jsonl') })
  const { onDecision } = new AuthorizationWatch()
  const shared = { server: 'bench', policy: () => policy, subjectOf: () => subject, onDecision }
  const authorizers = {
    policy: new Authorizer({ ...shared, audit: undefined }),
    'policy and record': new Authorizer({ ...shared, audit }),
  }
  /** @type {Record<string, number[]>} */
  const added = { policy: [], 'policy and record': [] }
  for (let turn = -3; turn < Number(values.rounds); turn++) {
    const without = await costOf(undefined, undefined)
    for (const [name, authorizer] of Object.entries(authorizers)) {
      const cost = await costOf(authorizer, audit)
      if (turn >= 0) added[name]?.push(cost - without)
    }
  }
  await audit.close()
  const rows = Object.entries(added).map(([what, costs]) => ({
    what,
    aim,
    microseconds: round(median(costs), 1),
    interval: medianInterval(costs)?.map((end) => round(end, 1)) ?? null,
    isMet: isAtMost(aim, medianInterval(costs)),
  }))
  if (values.json) console.log(JSON.stringify(rows, null, 2))
  else {
    console.log('| added to a call, 1000 rules | µs of CPU | 95 % | aim |\n|---|---|---|---|')
    for (const { what, microseconds, interval } of rows)
      console.log(`| ${what} | ${microseconds} | ${interval?.join(' … ') ?? '–'} | ${aim} |`)
  }
  if (rows.some(({ isMet }) => isMet === false)) process.exitCode = 1
} finally {
  await rm(directory, { recursive: true, force: true })
}
