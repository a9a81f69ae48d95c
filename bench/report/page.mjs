// docs/performance.md, from a result.
import { busyLine, machineLine, shown, withUnit } from '../suite/text.mjs'

/** @typedef {import('../suite/kept.mjs').Kept} Result */

/** Each part as a reader meets it. @type {readonly { part: string, title: string, plot?: string, about: string }[]} */
const sections = [
  {
    part: 'calls',
    title: 'A call',
    plot: 'calls.svg',
    about: `One \`tools/call\` of a tool that returns its 64 characters, over connections that stay open. CPU time and calls per second:
16 calls in flight; times: one call after the other. \`legacy\` is protocol revision 2025-11-25 without a session. Calls per second
depend on the client of the suite, which shares the machine.`,
  },
  {
    part: 'handshakes',
    title: 'A handshake',
    plot: 'handshakes.svg',
    about: `A new connection with its first answer: TLS 1.3, P-256 keys, both certificates verified. \`gate\` is \`createMtlsServer\` in front of
the same listener that bare \`node:https\` has. Resumed: by the ticket of an earlier connection; the gate judges the
certificate again, bare Node does not.`,
  },
  {
    part: 'connections',
    title: 'Idle connections',
    plot: 'connections.svg',
    about: `Connections that have had their first answer and stay open. Memory is resident memory after a garbage collection; per
connection: what was added since there were none. The CPU time of a call is measured beside them.`,
  },
  {
    part: 'tools',
    title: 'Many tools',
    plot: 'tools.svg',
    about: `A server with 2, 100 and 1,000 tools. The stock SDK makes a server for each request, with all of its tools. \`tools/list\` is
measured after it was asked before.`,
  },
  {
    part: 'payload',
    title: 'Large answers',
    plot: 'payload.svg',
    about: 'A small request whose answer is a text of this size.',
  },
  {
    part: 'revocation',
    title: 'Revocation lists',
    plot: 'revocation.svg',
    about: `The server's certificate authority has revoked so many other certificates. Every handshake and every request is held against the
list.`,
  },
  {
    part: 'streams',
    title: 'Open streams',
    plot: 'streams.svg',
    about:
      'So many clients listen for changes (`subscriptions/listen`), each over a connection of its own. Calls are measured beside them.',
  },
  {
    part: 'expose',
    title: 'A server behind expose',
    plot: 'expose.svg',
    about: `What \`expose\` adds to a direct call of the same server, which does next to nothing: a program on stdin and stdout, called in a
session (2025-11-25) and in 2026-07-28, and a server over plain HTTP, which answers in JSON or in an event stream.
\`direct\`: nothing in between, on its pipes, or over plain HTTP. \`bare\`: streams of Node in between, with no more than it takes to find
whose answer it is; on pipes, over HTTP, over mTLS. \`serve()\`: the tool in our process, over mTLS. The time is that of one call
after the other; CPU time and calls per second: 16 calls in flight. CPU time is that of the process that is called: of the
one in between, where there is one.`,
  },
  {
    part: 'bridge',
    title: 'A server behind bridge',
    about: `What \`bridge\` adds to a call over mTLS, one after the other, 64 characters. \`direct\`: this client calls the server over mTLS
itself. \`program\`: a program on stdin and stdout that does next to nothing, without a network. The first answer: from the start of
the command to its answer to \`initialize\`, with the server's own name in it, as a multiple of an empty Node (\`node -e 0\`).`,
  },
  {
    part: 'client',
    title: 'The client',
    plot: 'client.svg',
    about: `CPU time of the client's process for one call, to a server that does nothing. \`connect\` stands beside the SDK's client over
undici, \`mtlsFetch\` beside undici's \`fetch\`, with the same certificates.`,
  },
  {
    part: 'start-up',
    title: 'Commands',
    about: `From start to end of the process: \`--help\` as a multiple of an empty Node (\`node -e 0\`), \`cert-gen\` and \`cert-check\` of openssl
doing the same.`,
  },
]

/** @param {Result} result */
export function page(result) {
  const { environment, failures, targets } = result
  const busy = busyLine(environment)
  const judged = targets.filter(({ verdict }) => verdict !== 'compared')
  const count = (/** @type {string} */ verdict) => targets.filter((one) => one.verdict === verdict).length
  return `# Performance

What mcp-mtls costs beside bare \`node:https\` and beside the stock MCP SDK. This page is written by a script from
[one run](../bench/results/latest.json) of the benchmark suite.

${busy ? `**${busy}**\n\n` : ''}${machineLine(environment)}.
${failures.map(({ part, message }) => `\nThe part \`${part}\` failed in this run: ${message}.\n`).join('')}
Repeat it on your machine: \`npm ci && npm run bench\`. \`npm run bench -- --help\` shows how to measure a part alone. \`npx mcp-mtls perf-test\`
compares HTTP with mTLS in about a minute.

## How it is measured

- Every server runs in a process of its own, on loopback, with the same certificates and the same requests. \`bare\` is \`node:https\`
  with \`JSON.parse\` and \`JSON.stringify\` and nothing else: the least that a call can cost in Node. \`stock\` is the SDK's
  \`createMcpHandler\` and \`toNodeHandler\` behind \`node:https\`. \`ours\` is \`serve()\`.
- CPU time is that of the server's process (\`process.cpuUsage()\`), from a garbage collection on.
- Servers take turns within one round, and another one comes first in each, so that a busy machine disturbs all alike.
  Rounds come in blocks, each with new processes.
- A ratio is computed in each round. Shown are the median and, in parentheses, the lower and the upper quartile of all rounds.
- A target is **met** or **missed** only if the 95 % interval of the median (by the sign test, which assumes no distribution) lies on
  one side of it. Otherwise it is **inconclusive**, also after three times as many rounds: the spread hides the effect.
- Trust ratios. Times and rates are those of one machine.

## Targets

${count('met')} met, ${count('missed')} missed, ${count('inconclusive')} inconclusive.

${image('targets.svg', 'Every target as a multiple of what is allowed')}

| target | at most | median | 95 % interval | rounds | |
|---|---|---|---|---|---|
${judged.map(targetRow).join('\n')}

\`×\`: a multiple. \`µs\`: a difference in CPU time.

${sections
  .filter(({ part }) => result.figures.some((figure) => figure.part === part))
  .map((section) => sectionText(section, result))
  .join('\n')}`
}

/** @typedef {Result['targets'][number]} Target */

/** @param {Target} target */
function targetRow(target) {
  const { what, at_most, verdict } = target
  const cells = [what, at_most === null ? '' : withUnit(target, at_most), ...measuredCells(target)]
  return `| ${cells.join(' | ')} | ${verdict === 'met' ? 'met' : `**${verdict}**`} |`
}

/** @param {Target} target */
function measuredCells(target) {
  const { median, lower_quartile, upper_quartile, interval, rounds } = target
  const spread = `(${shown(lower_quartile)} – ${shown(upper_quartile)})`
  return [`${withUnit(target, median)} ${spread}`, interval ? interval.map(shown).join(' – ') : '', rounds]
}

/** @param {readonly Target[]} targets */
const comparedTable = (targets) => `| compared, without a target | median | 95 % interval | rounds |
|---|---|---|---|
${targets.map((target) => `| ${[target.what, ...measuredCells(target)].join(' | ')} |`).join('\n')}`

/** @param {typeof sections[number]} section @param {Result} result */
function sectionText({ part, title, plot, about }, { figures, targets, apart = {} }) {
  const own = figures.filter((figure) => figure.part === part)
  const names = [...new Set(own.map(({ figure }) => figure))]
  const compared = targets.filter((one) => one.part === part && one.verdict === 'compared')
  const tables = [
    ...(compared.length > 0 ? [comparedTable(compared)] : []),
    ...names.map((name) => figureTable(own.filter(({ figure }) => figure === name))),
  ]
  const environment = apart[part]
  const measured = environment
    ? `\n${[busyLine(environment), `Measured after the other parts: ${machineLine(environment)}.`].join(' ').trim()}\n`
    : ''
  return `## ${title}

${about}
${measured}
${plot ? `${image(plot, `${title}: the figures are in the tables below`)}\n\n` : ''}${tables.join('\n\n')}
`
}

/** What was measured down, what was varied across. @param {Result['figures']} figures */
function figureTable(figures) {
  const [{ figure = '', unit = '' } = {}] = figures
  const across = [...new Set(figures.map(({ at }) => at))]
  const down = [...new Set(figures.map(({ of }) => of))]
  const rows = down.map((of) => {
    const cells = across.map((at) => {
      const one = figures.find((each) => each.of === of && each.at === at)
      return one ? `${shown(one.median)} (${shown(one.lower_quartile)} – ${shown(one.upper_quartile)})` : '–'
    })
    return `| ${[of, ...cells].join(' | ')} |`
  })
  return `| ${figure}${unit === '' || unit === '×' ? '' : `, ${unit}`} | ${across.join(' | ')} |
|---|${across.map(() => '---|').join('')}
${rows.join('\n')}`
}

/** @param {string} file @param {string} words */
const image = (file, words) => `![${words}](performance/${file})`
