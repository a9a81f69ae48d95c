import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { PerfResult } from '../perf-test.js'
import { charts } from './charts.js'
import { callRows, connectionRows, type Rows } from './tables.js'
import { footnote, kilobytes, machine, measuredCall, measuredText, noise } from './words.js'

/** The whole report as one page that loads nothing from the network. */
export async function perfPage(result: PerfResult): Promise<string> {
  const { environment, expected, memory } = result
  const [library, script, libraryStyle, style] = await Promise.all([
    packaged('uplot/dist/uPlot.iife.min.js'),
    beside('draw-charts.js'),
    packaged('uplot/dist/uPlot.min.css'),
    beside('page.css'),
  ])
  const drawn = charts(result)
  const busy = noise(environment)
  const cards = expected.map((one) => {
    return `<div class="card ${one.verdict.replace(' ', '-')}">
<h3>${escaped(one.what)}</h3>
<strong>${escaped(measuredText(one))}</strong>
<p>expected ${escaped(one.expected)}: <b>${one.verdict}</b></p>
</div>`
  })
  const figures = drawn.map(
    ({ title, about }, index) => `<figure>
<h3>${escaped(title)}</h3>
<figcaption>${escaped(about)}</figcaption>
<div class="plot" id="chart-${index}" role="img" aria-label="${escaped(title)}; the figures are in the tables below"></div>
</figure>`,
  )
  const idle =
    memory.mtls === undefined || memory.http === undefined
      ? ''
      : `<p>Memory of an idle connection: ${kilobytes(memory.mtls)} with mTLS, ${kilobytes(memory.http)} with HTTP.</p>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>What mTLS costs</title>
<style>${libraryStyle}
${style}</style>
</head>
<body>
<main>
<h1>What mTLS costs</h1>
${busy === undefined ? '' : `<p class="busy">${escaped(busy)}</p>`}
<p>${escaped(machine(environment))}</p>
<p>${escaped(measuredCall(environment))}</p>
<p>${escaped(environment.date)}, measured for ${environment.duration_seconds} s</p>
<h2>Expected and measured</h2>
<div class="cards">
${cards.join('\n')}
</div>
<h2>Plots</h2>
<div class="charts">
${figures.join('\n')}
</div>
<h2>A connection with its first answer</h2>
${table(connectionRows(result), 1)}
<h2>Calls over open connections</h2>
${table(callRows(result), 2)}
${idle}
<footer>${escaped(footnote)}</footer>
</main>
<script type="application/json" id="charts">${JSON.stringify(drawn).replaceAll('<', '\\u003c')}</script>
<script>${library}</script>
<script>
${script}</script>
</body>
</html>
`
}

const beside = (file: string) => readFile(new URL(file, import.meta.url), 'utf8')
const packaged = (file: string) => readFile(createRequire(import.meta.url).resolve(file), 'utf8')

/** The number of leading text columns; the others hold numbers. */
function table([head = [], ...rows]: Rows, text: number): string {
  const cells = (row: readonly string[], tag: 'th' | 'td') =>
    row
      .map((cell, column) => `<${tag}${column < text ? ' class="text"' : ''}>${escaped(cell)}</${tag}>`)
      .join('')
  const body = rows.map((row) => {
    const ratio = row.some((cell) => cell.startsWith('×'))
    return `<tr${ratio ? ' class="ratio"' : ''}>${cells(row, 'td')}</tr>`
  })
  return `<div class="scroll"><table class="figures">
<thead><tr>${cells(head, 'th')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table></div>`
}

/** A tool's name comes from a server. */
function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
}
