export { isAtMost, median, medianInterval, percentile } from '../dist/perf/statistics.js'

/** Slope of the line through points one second apart, by least squares. @param {readonly number[]} values */
export function slope(values) {
  const middle = (values.length - 1) / 2
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  const over = values.reduce((sum, value, index) => sum + (index - middle) * (value - mean), 0)
  const under = values.reduce((sum, _value, index) => sum + (index - middle) ** 2, 0)
  return under === 0 ? 0 : over / under
}

/** @param {number} value @param {number} digits */
export const round = (value, digits = 2) => Number(value.toFixed(digits))
