// Which plots there are, from the figures of a result.
import { bars, curves, dots } from './svg.mjs'

/** @typedef {import('../suite/suite.mjs').Result} Result */
/** @typedef {Result['figures'][number]} Figure */

const lower = 'Lower is better; the lines show the quartiles of the rounds.'
const callCpu = 'CPU of the server per call'
const clientCpu = 'CPU of the client per call'

/** Names of files and what is in them. @param {Result} result @returns {Record<string, string>} */
export function plots({ figures, targets }) {
  /** @param {string} part @param {string} figure */
  const of = (part, figure) => figures.filter((one) => one.part === part && one.figure === figure)
  return {
    'targets.svg': dots({
      title: 'Every target: what was measured, as a multiple of what is allowed',
      about:
        'Green: met, red: missed, amber: inconclusive. Lines: the 95 % interval. What is beyond an edge stands on it.',
      rows: targets.flatMap(({ what, at_most, median, interval, verdict }) =>
        at_most === null
          ? []
          : {
              label: what,
              verdict,
              value: median / at_most,
              low: (interval?.[0] ?? median) / at_most,
              high: (interval?.[1] ?? median) / at_most,
            },
      ),
    }),
    'calls.svg': bars({
      title: 'One tools/call: CPU time of the server, µs',
      about: `64 characters, 16 calls in flight. ${lower}`,
      bars: of('calls', callCpu).sort(byAt).map(bar),
    }),
    'handshakes.svg': bars({
      title: 'One handshake with its first answer: CPU time of the server, µs',
      about: `TLS 1.3, both certificates P-256. ${lower}`,
      bars: of('handshakes', 'CPU of the server per handshake').sort(byAt).map(bar),
    }),
    'connections.svg': growth(
      'Memory of the server by idle connections, MB',
      'Resident memory after a garbage collection.',
      of('connections', 'memory of the server'),
    ),
    'tools.svg': growth(
      'CPU time by the number of tools, µs',
      `Of the server, per request, on a logarithmic scale. ${lower}`,
      ['CPU of the server per call', 'CPU of the server per tools/list'].flatMap((figure) =>
        of('tools', figure).map((one) => ({
          ...one,
          of: `${one.of} ${figure === callCpu ? 'tools/call' : 'tools/list'}`,
        })),
      ),
    ),
    'payload.svg': growth(
      'CPU time of a call by the size of its answer, µs',
      `Of the server, on a logarithmic scale. ${lower}`,
      of('payload', callCpu),
    ),
    'revocation.svg': growth(
      'CPU time by the entries of the revocation list, µs',
      `Of the server, on a logarithmic scale. ${lower}`,
      [callCpu, 'CPU of the server per handshake'].flatMap((figure) =>
        of('revocation', figure).map((one) => ({
          ...one,
          of: `${one.of} ${figure === callCpu ? 'call' : 'handshake'}`,
        })),
      ),
    ),
    'streams.svg': growth(
      'CPU time of a call by open streams, µs',
      `Of the server, on a logarithmic scale. ${lower}`,
      of('streams', callCpu),
    ),
    'expose.svg': bars({
      title: 'One call, direct and through others: its time, µs',
      about: `One call after the other, 64 characters. ${lower}`,
      bars: of('expose', 'time of a call').sort(byAt).map(bar),
    }),
    'client.svg': bars({
      title: 'One call: CPU time of the client, µs',
      about: lower,
      bars: of('client', clientCpu).sort(byAt).map(bar),
    }),
  }
}

/** Stable: what is of one kind stays in its order. @param {Figure} one @param {Figure} other */
const byAt = (one, other) => one.at.localeCompare(other.at, 'en', { numeric: true })

/** @param {Figure} figure */
const bar = (figure) => ({
  label: `${figure.of}, ${figure.at}`,
  color: colorOf(figure.of),
  ...spread(figure),
})

/** @param {Figure} figure */
const spread = ({ median: value, lower_quartile: low, upper_quartile: high }) => ({ value, low, high })

/** @param {string} title @param {string} about @param {readonly Figure[]} figures */
function growth(title, about, figures) {
  const steps = [...new Set(figures.map(({ at }) => at))]
  const kinds = [...new Set(figures.map(({ of }) => of))]
  const lines = kinds.map((kind) => ({
    label: kind,
    color: colorOf(kind),
    points: steps.map((step) => {
      const figure = figures.find(({ of, at }) => of === kind && at === step)
      return figure && spread(figure)
    }),
  }))
  return curves({ title, about, steps: steps.map((step) => thousands(step)), lines })
}

/** @param {string} step */
const thousands = (step) => (/^\d+$/.test(step) ? Number(step).toLocaleString('en') : step)

/** @param {string} of @returns {import('./svg.mjs').Color} */
const colorOf = (of) =>
  /^(bare|direct)/.test(of) ? 'bare' : /^(stock|SDK|undici)/.test(of) ? 'stock' : 'ours'
