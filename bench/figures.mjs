/** The value below which this part of the sorted copy lies. @param {readonly number[]} values @param {number} part */
export function percentile(values, part) {
  const sorted = [...values].sort((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN
}

/** @param {readonly number[]} values */
export const median = (values) => percentile(values, 0.5)

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
