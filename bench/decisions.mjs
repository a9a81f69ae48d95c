// node bench/decisions.mjs [--rules N] [--json]
// CPU time of one decision of a policy. The aims: 5 µs at a thousand rules without a condition, 10 µs with one. Exit code 1: missed.
import { parseArgs } from 'node:util'
import { Limits } from '../dist/auth/limits.js'
import {
  decide,
  mayUse,
  readPolicy,
  requestOf,
  requirePolicy,
  subjectNamed,
} from '../dist/auth/policy/policy.js'
import { round } from './figures.mjs'

const { values } = parseArgs({
  options: { rules: { type: 'string', default: '1000' }, json: { type: 'boolean', default: false } },
})
const size = Number(values.rules)

/** @param {(at: number) => object} rule */
async function policyOf(rule) {
  const rules = Array.from({ length: size }, (_, at) => rule(at))
  return requirePolicy(await readPolicy({ rules }), 'bench')
}

/** @template Value @param {{ value: Value } | { message: string }} read */
function given(read) {
  if (!('value' in read)) throw new Error(read.message)
  return read.value
}

const middle = size >> 1
const subject = given(subjectNamed([`spiffe://example.org/agent/${middle}`]))

/** @param {string} tool @param {unknown} [args] */
const call = (tool, args) =>
  given(requestOf(subject, { server: 's', tool, arguments: args, address: '10.0.0.1', now: new Date() }))

/** The least of five rounds, in microseconds of CPU. @param {(at: number) => void} action */
function cost(action, times = 100_000) {
  for (let at = 0; at < times / 5; at += 1) action(at)
  const rounds = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage().user
    for (let at = 0; at < times; at += 1) action(at)
    return (process.cpuUsage().user - before) / times
  })
  return round(Math.min(...rounds), 2)
}

const agent = (/** @type {number} */ at) => `spiffe://example.org/agent/${at}`
const whole = await policyOf((at) => ({ allow: [agent(at)], servers: ['s'], tools: [`tool${at}`, 'shared'] }))
const patterns = await policyOf((at) => ({ allow: [`${agent(at)}/*`, agent(at)], tools: [`tool${at}*`] }))
const when = 'mcp.tool.arguments.days <= 3'
const conditions = await policyOf((at) => ({ allow: [agent(at)], tools: [`tool${at}`], when }))
const everybody = await policyOf(() => ({ allow: ['anyone'], tools: ['*'] }))
const limited = await policyOf((at) => ({
  allow: [agent(at)],
  tools: ['*'],
  limit: { calls: 100, per: '1ms' },
}))

const [allowed, denied, shared] = [call(`tool${middle}`, { days: 2 }), call('toolx'), call('shared')]
const fresh = Array.from({ length: 20_000 }, (_, at) => call(`tool${middle}${at * 7919}`))
const limits = new Limits()
const { limited: rules } = decide(limited, allowed)
const who = { server: 's', identity: subject.id }

const rows = [
  { what: 'allowed', aim: 5, microseconds: cost(() => decide(whole, allowed)) },
  { what: 'allowed by no rule', aim: 5, microseconds: cost(() => decide(whole, denied)) },
  { what: 'a tool that every rule names', aim: 5, microseconds: cost(() => decide(whole, shared)) },
  { what: 'a caller whom every rule lets in', aim: 5, microseconds: cost(() => decide(everybody, shared)) },
  { what: 'patterns alone', aim: 5, microseconds: cost(() => decide(patterns, allowed)) },
  { what: 'with a condition', aim: 10, microseconds: cost(() => decide(conditions, allowed)) },
  {
    what: 'one item of a list',
    aim: 5,
    microseconds: cost(() => mayUse(whole, allowed, { kind: 'tool', name: 'shared' })),
  },
  {
    what: 'a name that nobody asked for before',
    aim: undefined,
    microseconds: cost((at) => decide(whole, fresh[at % fresh.length] ?? denied), fresh.length),
  },
  {
    what: 'the same, patterns alone',
    aim: undefined,
    microseconds: cost((at) => decide(patterns, fresh[at % fresh.length] ?? denied), fresh.length),
  },
  { what: 'a limit', aim: undefined, microseconds: cost((at) => limits.take(rules, who, at / 50)) },
]

if (values.json) console.log(JSON.stringify({ rules: size, rows }))
else {
  console.log(`| one decision, ${size} rules | µs of CPU | aim |\n|---|---|---|`)
  for (const { what, microseconds, aim } of rows) console.log(`| ${what} | ${microseconds} | ${aim ?? '–'} |`)
}
if (rows.some(({ microseconds, aim = Number.POSITIVE_INFINITY }) => microseconds > aim)) process.exitCode = 1
