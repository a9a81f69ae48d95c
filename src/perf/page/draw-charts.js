// Runs in the page, beside uPlot: draws the charts, again when the colours or the width change.

/** @import { Chart, Line } from './chart.js' */

/** @type {readonly Chart[]} */
const charts = JSON.parse(document.querySelector('#charts')?.textContent ?? '[]')
/** @type {uPlot[]} */
const drawn = []
let width = 0

function draw() {
  for (const plot of drawn.splice(0)) plot.destroy()
  for (const [index, chart] of charts.entries()) {
    const place = document.getElementById(`chart-${index}`)
    if (!place) continue
    const values = chart.series.map((line) => [...line.values])
    drawn.push(new uPlot(optionsOf(chart, place.clientWidth), [[...chart.x], ...values], place))
  }
}

/**
 * @param {Chart} chart
 * @param {number} width
 * @returns {uPlot.Options}
 */
function optionsOf(chart, width) {
  const { ticks, x } = chart
  const firstMark = ticks[0]?.[0] ?? 0
  const last = x.length - 1
  const bars = chart.kind === 'bars'
  const axis = {
    stroke: color('muted'),
    font: '12px system-ui, sans-serif',
    grid: { stroke: color('line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width,
    height: 230,
    // What the legend shows until the pointer is over the plot.
    hooks: {
      ready: [(plot) => plot.setLegend({ idx: bars ? last : x.findIndex((value) => value >= firstMark) })],
    },
    padding: [8, 24, 0, 0],
    cursor: { y: false, drag: { x: false, y: false } },
    scales: {
      x: { time: false, range: bars ? [-0.6, last + 0.6] : [0, x[last] ?? 0] },
      y: bars
        ? { range: (_plot, _low, high) => [0, high * 1.08] }
        : { distr: 3, range: (_plot, low, high) => [low * 0.8, high * 1.2] },
    },
    axes: [
      {
        ...axis,
        grid: { ...axis.grid, show: !bars },
        splits: () => ticks.map(([at]) => at),
        values: () => ticks.map(([, label]) => label),
      },
      {
        ...axis,
        size: 52,
        values: (_plot, values) => values.map((value) => value.toLocaleString('en')),
        ...(!bars && { splits: roundNumbers, filter: (_plot, splits) => splits }),
      },
    ],
    series: [
      {
        label: bars ? 'in flight' : 'of all',
        value: (_plot, value) => (value == null ? '–' : bars ? nearest(chart, value) : percent(value)),
      },
      ...chart.series.map((line, index) => seriesOf(chart, line, index)),
    ],
  }
}

/**
 * @param {Chart} chart
 * @param {Line} line
 * @param {number} index
 * @returns {uPlot.Series}
 */
function seriesOf({ kind, unit, series }, line, index) {
  const stroke = color(line.color)
  /** @type {uPlot.Series} */
  const both = {
    label: line.label,
    stroke,
    points: { show: false },
    value: (_plot, value) => (value == null ? '–' : `${figure(value)} ${unit}`),
  }
  if (kind === 'curves') return { ...both, width: 2 }
  // One bar left of the mark, the other right of it; a single one in its middle.
  const align = series.length === 1 ? 0 : index === 0 ? -1 : 1
  const paths = uPlot.paths.bars?.({ size: [0.36, 70], align })
  return { ...both, width: 0, fill: stroke, ...(paths && { paths }) }
}

/**
 * A colour of the page's style.
 * @param {Line['color'] | 'muted' | 'line'} name
 */
function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
}

/** @param {number} value */
function figure(value) {
  return value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 2 : 0 })
}

/**
 * The label of the mark next to a value.
 * @param {Chart} chart
 * @param {number} value
 */
function nearest({ ticks }, value) {
  const [best] = [...ticks].sort(([one], [other]) => Math.abs(one - value) - Math.abs(other - value))
  return best?.[1] ?? ''
}

/**
 * Nines as a share: 2 is 99 %.
 * @param {number} nines
 */
function percent(nines) {
  return `${((1 - 10 ** -nines) * 100).toFixed(1).replace('.0', '')} %`
}

/**
 * 1, 2, 5, 10 … between both ends of a logarithmic axis.
 * @param {uPlot} _plot
 * @param {number} _axis
 * @param {number} low
 * @param {number} high
 */
function roundNumbers(_plot, _axis, low, high) {
  const numbers = []
  for (let power = 10 ** Math.floor(Math.log10(low)); power < high; power *= 10)
    for (const step of [1, 2, 5]) numbers.push(Number((power * step).toPrecision(1)))
  return numbers.filter((number) => number >= low && number <= high)
}

new ResizeObserver(() => {
  if (document.body.clientWidth === width) return
  width = document.body.clientWidth
  draw()
}).observe(document.body)
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)
