// What the suite holds its figures against, and what it only compares.
import { isAtMost, median, medianInterval, percentile } from '../figures.mjs'

/** @typedef {import('./measuring.mjs').Label} Label */
/**
 * @typedef {object} Target
 * @property {string} part
 * @property {string} what
 * @property {string} figure
 * @property {[of: string, at: string]} value
 * @property {[of: string, at: string]} [beside] without it the value is a ratio already
 * @property {number} [atMost] without it nothing is judged
 * @property {'more'} [by] how much more the value is, not how many times as much
 */
/** @typedef {'met' | 'missed' | 'inconclusive' | 'compared'} Verdict */

const callCpu = 'CPU of the server per call'
const clientCpu = 'CPU of the client per call'
const times = 'time, as a multiple of what it is compared with'
const bridgedTime = 'time of a call, p50'
const exposedTime = 'time of a call'
const exposedCpu = 'CPU of the process that is called, per call'
const eras = ['2026-07-28', 'legacy']
const exposed = ['program, session', 'program, 2026-07-28', 'HTTP, JSON', 'HTTP, event stream']

/** @type {readonly Target[]} */
const all = [
  ...eras.flatMap((era) => [
    target(
      'calls',
      `call, ${era}: ours ÷ stock SDK, mTLS`,
      callCpu,
      ['ours mTLS', era],
      ['stock mTLS', era],
      0.18,
    ),
    target(
      'calls',
      `call, ${era}: ours ÷ bare node:https`,
      callCpu,
      ['ours mTLS', era],
      ['bare mTLS', era],
      3,
    ),
    {
      ...target(
        'calls',
        `call, ${era}: ours over mTLS − over HTTP`,
        callCpu,
        ['ours mTLS', era],
        ['ours HTTP', era],
        40,
      ),
      by: /** @type {const} */ ('more'),
    },
  ]),
  ...['full', 'resumed'].map((way) =>
    target(
      'handshakes',
      `handshake, ${way}: gate ÷ bare node:https`,
      'CPU of the server per handshake',
      ['gate', way],
      ['bare', way],
      1.15,
    ),
  ),
  ...['1000', '4000'].map((level) =>
    target(
      'connections',
      `idle connection of ${level}, memory: gate ÷ bare`,
      'memory per idle connection',
      ['gate', level],
      ['bare', level],
      1.05,
    ),
  ),
  target('tools', 'call: 1,000 tools ÷ 2 tools', callCpu, ['ours', '1000'], ['ours', '2'], 1.1),
  target(
    'tools',
    'tools/list of 1,000, once listed: ours ÷ stock SDK',
    'CPU of the server per tools/list',
    ['ours', '1000'],
    ['stock', '1000'],
    0.1,
  ),
  target(
    'payload',
    'answer of 1 MiB: ours ÷ bare node:https',
    callCpu,
    ['ours', '1 MiB'],
    ['bare', '1 MiB'],
    1.3,
  ),
  ...eras.flatMap((era) =>
    [1, 16].map((inFlight) => {
      const at = `${era}, ${inFlight} in flight`
      return target(
        'client',
        `connect ÷ SDK over undici, ${at}`,
        clientCpu,
        ['connect', at],
        ['SDK over undici', at],
        0.4,
      )
    }),
  ),
  ...[1, 16].map((inFlight) => {
    const at = `fetch, ${inFlight} in flight`
    return target(
      'client',
      `mtlsFetch ÷ undici fetch, ${inFlight} in flight`,
      clientCpu,
      ['mtlsFetch', at],
      ['undici fetch', at],
      1.05,
    )
  }),
  ...exposed.flatMap((at) => [
    ...beside('expose', `time, ${at}`, exposedTime, ['expose', at], ['direct', at]),
    ...beside('expose', `CPU, ${at}`, exposedCpu, ['expose', at], ['bare, mTLS', at]),
    ...(at.startsWith('program')
      ? beside('expose', `CPU, ${at}`, exposedCpu, ['expose', at], ['serve()', at])
      : []),
  ]),
  ...['session', '2026-07-28'].flatMap((at) => [
    {
      ...target(
        'bridge',
        `call, p50, ${at}: bridge − direct`,
        bridgedTime,
        ['bridge', at],
        ['direct', at],
        1000,
      ),
      by: /** @type {const} */ ('more'),
    },
    ...beside('bridge', `call, p50, ${at}`, bridgedTime, ['bridge', at], ['program', at]),
  ]),
  target('bridge', 'first answer ÷ node -e 0', times, ['first answer', ''], undefined, 6),
  ...eras.flatMap((era) => [
    {
      ...target(
        'authorization',
        `call, ${era}: policy and record − neither`,
        callCpu,
        ['policy and record', era],
        ['neither', era],
        25,
      ),
      by: /** @type {const} */ ('more'),
    },
  ]),
  target('start-up', '--help ÷ node -e 0', times, ['--help', ''], undefined, 1.8),
  target('start-up', 'cert-gen ÷ openssl', times, ['cert-gen', ''], undefined, 2.5),
  target('start-up', 'cert-check of 300 ÷ openssl verify', times, ['cert-check', ''], undefined, 4),
]

/** @param {string} part */
export const targetsOf = (part) => all.filter((target) => target.part === part)

/**
 * @param {string} part @param {string} what @param {string} figure @param {[string, string]} value
 * @param {[string, string] | undefined} beside @param {number} atMost
 * @returns {Target}
 */
function target(part, what, figure, value, beside, atMost) {
  return { part, what, figure, value, ...(beside && { beside }), atMost }
}

/**
 * How many times as much, and how much more: without a target.
 * @param {string} part @param {string} what @param {string} figure @param {[string, string]} value
 * @param {[string, string]} beside
 * @returns {Target[]}
 */
function beside(part, what, figure, value, beside) {
  const common = { part, figure, value, beside }
  return [
    { ...common, what: `${what}: ${value[0]} ÷ ${beside[0]}` },
    { ...common, what: `${what}: ${value[0]} − ${beside[0]}`, by: 'more' },
  ]
}

/**
 * A target beside the values of one part, round by round. It is judged where the interval of the median leaves no doubt.
 * @param {Target} target
 * @param {(figure: string, of: string, at: string) => readonly number[]} valuesOf
 */
export function judged({ part, what, figure, value, beside, atMost, by }, valuesOf) {
  const own = valuesOf(figure, ...value)
  const other = beside ? valuesOf(figure, ...beside) : own.map(() => 1)
  const compared = own.slice(0, other.length).map((one, at) => {
    const two = /** @type {number} */ (other[at])
    return by === 'more' ? one - two : one / two
  })
  const interval = medianInterval(compared)
  const unit = by === 'more' ? 'µs' : '×'
  const verdict = atMost === undefined ? 'compared' : verdictOf(isAtMost(atMost, interval))
  return { part, what, at_most: atMost ?? null, unit, ...summary(compared), verdict }
}

/** @param {boolean | undefined} isMet @returns {Verdict} */
const verdictOf = (isMet) => (isMet === undefined ? 'inconclusive' : isMet ? 'met' : 'missed')

/** @typedef {ReturnType<typeof judged>} Judged */

/** The median, the quarters below and above, and where the true median is. @param {readonly number[]} values */
export function summary(values) {
  const significant = (/** @type {number} */ value) => Number(value.toPrecision(4))
  const interval = medianInterval(values)
  return {
    median: significant(median(values)),
    lower_quartile: significant(percentile(values, 0.25)),
    upper_quartile: significant(percentile(values, 0.75)),
    interval: interval ? interval.map(significant) : null,
    rounds: values.length,
  }
}
