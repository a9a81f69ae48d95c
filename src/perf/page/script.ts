/** Runs in the page, beside uPlot: draws what `charts.ts` has put there, anew when the colours or the width change. */
export const pageScript = `
const charts = JSON.parse(document.getElementById('charts').textContent)
const drawn = []
const height = 230

function draw() {
  for (const plot of drawn.splice(0)) plot.destroy()
  const style = getComputedStyle(document.documentElement)
  const color = (name) => style.getPropertyValue('--' + name).trim()
  const font = '12px system-ui, sans-serif'
  for (const [index, chart] of charts.entries()) {
    const place = document.getElementById('chart-' + index)
    const bars = chart.kind === 'bars'
    const last = chart.x.length - 1
    const axis = { stroke: color('muted'), font, grid: { stroke: color('line'), width: 1 }, ticks: { show: false } }
    const figure = (value) => value == null ? '–' : value.toLocaleString('en', { maximumFractionDigits: value < 100 ? 2 : 0 }) + ' ' + chart.unit
    const nearest = (value) => chart.ticks.reduce((best, tick) => Math.abs(tick[0] - value) < Math.abs(best[0] - value) ? tick : best)[1]
    const percent = (value) => ((1 - 10 ** -value) * 100).toFixed(1).replace('.0', '') + ' %'
    const options = {
      width: place.clientWidth,
      height,
      // What the legend tells until somebody points at the plot.
      hooks: { ready: [(plot) => plot.setLegend({ idx: bars ? last : chart.x.findIndex((value) => value >= chart.ticks[0][0]) })] },
      padding: [8, 24, 0, 0],
      cursor: { y: false, drag: { x: false, y: false } },
      scales: {
        x: { time: false, range: bars ? [-0.6, last + 0.6] : [0, chart.x[last]] },
        y: bars ? { range: (plot, low, high) => [0, high * 1.08] } : { distr: 3, range: (plot, low, high) => [low * 0.8, high * 1.2] },
      },
      axes: [
        { ...axis, grid: { ...axis.grid, show: !bars }, splits: () => chart.ticks.map(([at]) => at), values: () => chart.ticks.map(([, label]) => label) },
        { ...axis, size: 52, values: (plot, values) => values.map((value) => value.toLocaleString('en')), ...(!bars && { splits: roundNumbers, filter: (plot, splits) => splits }) },
      ],
      series: [
        { label: bars ? 'in flight' : 'of all', value: (plot, value) => value == null ? '–' : bars ? nearest(value) : percent(value) },
        ...chart.series.map((line, which) => ({
          label: line.label,
          stroke: color(line.color),
          width: bars ? 0 : 2,
          fill: bars ? color(line.color) : undefined,
          points: { show: false },
          value: (plot, value) => figure(value),
          // One bar left of the mark, the other right of it; a single one in its middle.
          paths: bars ? uPlot.paths.bars({ size: [0.36, 70], align: chart.series.length === 1 ? 0 : which === 0 ? -1 : 1 }) : undefined,
        })),
      ],
    }
    drawn.push(new uPlot(options, [chart.x, ...chart.series.map((line) => line.values)], place))
  }
}

/** 1, 2, 5, 10 … between both ends of a logarithmic axis. */
function roundNumbers(plot, axis, low, high) {
  const numbers = []
  for (let power = 10 ** Math.floor(Math.log10(low)); power < high; power *= 10)
    for (const step of [1, 2, 5]) numbers.push(Number((power * step).toPrecision(1)))
  return numbers.filter((number) => number >= low && number <= high)
}

let width = 0
new ResizeObserver(() => {
  if (document.body.clientWidth !== width) {
    width = document.body.clientWidth
    draw()
  }
}).observe(document.body)
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw)
`
