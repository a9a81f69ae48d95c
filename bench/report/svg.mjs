// Plots as SVG: each a card of its own, readable on light and dark pages.
import { shown } from '../suite/text.mjs'

/** @typedef {{ value: number, low: number, high: number }} Spread the median and the quartiles */
/** @typedef {'bare' | 'stock' | 'ours'} Color */

const width = 780
const row = 26
const top = 64

const style = `
  .card { fill: #f6f8fa; stroke: #d8dee4 }
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-weight: 600; font-size: 15px }
  .about, .tick { fill: #59636e; font-size: 12px }
  .figure { text-anchor: end }
  .middle { text-anchor: middle }
  .grid { stroke: #d8dee4 }
  .limit { stroke: #1f2328; stroke-dasharray: 4 3 }
  .spread { stroke: #1f2328; stroke-width: 1.5 }
  .line { fill: none; stroke-width: 2 }
  .bare { fill: #59636e; stroke: #59636e } .stock { fill: #0072b2; stroke: #0072b2 } .ours { fill: #d55e00; stroke: #d55e00 }
  .line.bare, .line.stock, .line.ours { fill: none }
  text.bare, text.stock, text.ours { stroke: none }
  .met { fill: #1a7f37; stroke: #1a7f37 } .missed { fill: #cf222e; stroke: #cf222e } .inconclusive { fill: #9a6700; stroke: #9a6700 }
  @media (prefers-color-scheme: dark) {
    .card { fill: #161b22; stroke: #30363d }
    text { fill: #e6edf3 }
    .about, .tick { fill: #9198a1 }
    .grid { stroke: #30363d }
    .limit, .spread { stroke: #e6edf3 }
    .bare { fill: #9198a1; stroke: #9198a1 } .stock { fill: #56b4e9; stroke: #56b4e9 } .ours { fill: #f0883e; stroke: #f0883e }
    .met { fill: #3fb950; stroke: #3fb950 } .missed { fill: #ff7b72; stroke: #ff7b72 } .inconclusive { fill: #d29922; stroke: #d29922 }
  }`

/** @param {{ title: string, about: string, height: number }} card @param {readonly string[]} drawn */
const svg = ({ title, about, height }, drawn) =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>${style}
</style>
<rect class="card" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
${text(20, 28, title, 'title')}
${text(20, 46, about, 'about')}
${drawn.join('\n')}
</svg>
`

/**
 * Horizontal bars from zero, with a line from quartile to quartile.
 * @param {{ title: string, about: string, bars: readonly (Spread & { label: string, color: Color })[] }} chart
 */
export function bars({ title, about, bars }) {
  const [left, right] = [300, width - 90]
  const most = Math.max(...bars.map(({ high, value }) => Math.max(high, value)))
  const x = (/** @type {number} */ value) => left + (value / most) * (right - left)
  const drawn = bars.flatMap(({ label, color, value, low, high }, index) => {
    const y = top + index * row
    return [
      text(left - 10, y + 14, label, 'figure'),
      `<rect class="${color}" x="${left}" y="${y + 2}" width="${at(x(value) - left)}" height="16"/>`,
      line(x(low), y + 10, x(high), y + 10, 'spread'),
      text(width - 20, y + 14, shown(value), 'figure'),
    ]
  })
  return svg({ title, about, height: top + bars.length * row + 14 }, drawn)
}

/**
 * Lines over steps that are named, on a logarithmic scale.
 * @param {{ title: string, about: string, steps: readonly string[], lines: readonly { label: string, color: Color, points: readonly (Spread | undefined)[] }[] }} chart
 */
export function curves({ title, about, steps, lines }) {
  const height = 300
  const [left, right, bottom] = [70, width - 190, height - 40]
  const all = lines.flatMap(({ points }) => points.flatMap((point) => (point ? [point.low, point.high] : [])))
  const [low, high] = [Math.min(...all) * 0.8, Math.max(...all) * 1.25]
  const y = (/** @type {number} */ value) =>
    bottom - (Math.log(value / low) / Math.log(high / low)) * (bottom - top)
  const x = (/** @type {number} */ index) => left + 30 + (index / (steps.length - 1)) * (right - left - 60)
  const grid = roundNumbers(low, high).flatMap((value) => [
    line(left, y(value), right, y(value), 'grid'),
    text(left - 8, y(value) + 4, shown(value), 'figure tick'),
  ])
  const named = steps.map((step, index) => text(x(index), height - 18, step, 'middle tick'))
  const places = apart(lines.map(({ points }) => y(points.findLast((point) => point)?.value ?? low)))
  const drawn = lines.flatMap(({ label, color, points }, index) => {
    const known = points.flatMap((point, step) => (point ? [{ ...point, x: x(step) }] : []))
    const path = known.map((point) => `${at(point.x)},${at(y(point.value))}`).join(' ')
    return [
      `<polyline class="line ${color}" points="${path}"/>`,
      ...known.flatMap((point) => [
        line(point.x, y(point.low), point.x, y(point.high), 'spread'),
        `<circle class="${color}" cx="${at(point.x)}" cy="${at(y(point.value))}" r="4"/>`,
      ]),
      text(right + 8, (places[index] ?? 0) + 4, `${label}, ${shown(known.at(-1)?.value ?? 0)}`, color),
    ]
  })
  return svg({ title, about, height }, [...grid, ...named, ...drawn])
}

/**
 * Each value as a multiple of its limit, with the interval of its median: left of the line is met.
 * @param {{ title: string, about: string, rows: readonly (Spread & { label: string, verdict: string })[] }} chart
 */
export function dots({ title, about, rows }) {
  const [left, right] = [370, width - 30]
  const [least, most] = [1 / 16, 4]
  const x = (/** @type {number} */ share) => {
    const within = Math.min(most, Math.max(least, share))
    return left + (Math.log(within / least) / Math.log(most / least)) * (right - left)
  }
  const bottom = top + rows.length * row
  const grid = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4].flatMap((share) => [
    line(x(share), top, x(share), bottom, share === 1 ? 'limit' : 'grid'),
    text(x(share), bottom + 20, share < 1 ? `1/${1 / share}` : shown(share), 'middle tick'),
  ])
  const drawn = rows.flatMap(({ label, verdict, value, low, high }, index) => {
    const y = top + index * row + 13
    return [
      text(left - 10, y + 4, label, 'figure'),
      line(x(low), y, x(high), y, 'spread'),
      `<circle class="${verdict}" cx="${at(x(value))}" cy="${y}" r="5"/>`,
    ]
  })
  return svg({ title, about, height: bottom + 36 }, [...grid, ...drawn])
}

/** 1, 2, 5, 10 … between both ends. @param {number} low @param {number} high */
function roundNumbers(low, high) {
  const numbers = []
  for (let power = 10 ** Math.floor(Math.log10(low)); power < high; power *= 10)
    for (const step of [1, 2, 5]) numbers.push(Number((power * step).toPrecision(1)))
  return numbers.filter((number) => number >= low && number <= high)
}

/** The places of labels, moved down as far as they would cover one another. @param {readonly number[]} wanted */
function apart(wanted) {
  const places = [...wanted]
  const order = wanted
    .map((_, index) => index)
    .sort((one, other) => (wanted[one] ?? 0) - (wanted[other] ?? 0))
  let free = Number.NEGATIVE_INFINITY
  for (const index of order) {
    places[index] = Math.max(places[index] ?? 0, free)
    free = (places[index] ?? 0) + 16
  }
  return places
}

const at = (/** @type {number} */ place) => Number(place.toFixed(1))

/** @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 @param {string} name */
const line = (x1, y1, x2, y2, name) =>
  `<line class="${name}" x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}"/>`

/** @param {number} x @param {number} y @param {string} content @param {string} name */
const text = (x, y, content, name) =>
  `<text class="${name}" x="${at(x)}" y="${at(y)}">${escaped(content)}</text>`

const escaped = (/** @type {string} */ content) => content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
