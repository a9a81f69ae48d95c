/** @import { Level } from '../snapshot.js' */

/** @type {Readonly<Record<Level, string>>} */
export const glyphs = { ok: '✓', warning: '!', critical: '✗' }

export const dayMs = 86_400_000

/**
 * @param {number} count
 * @param {string} one
 * @param {string} many
 */
export function plural(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`
}

/**
 * The day of a moment in ISO form.
 * @param {string} moment
 */
export function day(moment) {
  return moment.slice(0, 10)
}

/**
 * How long ago a moment was.
 * @param {string | number} moment
 */
export function ago(moment) {
  const seconds = Math.max(0, Math.round((Date.now() - new Date(moment).getTime()) / 1000))
  if (seconds < 60) return `${seconds} s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} days`
}

/**
 * How long it is to the end of a certificate.
 * @param {string} end
 * @param {number} days
 */
export function timeLeft(end, days) {
  const left = Date.parse(end) - Date.now()
  if (left < 0) return 'expired'
  if (left < 3_600_000) return plural(Math.floor(left / 60_000), 'minute')
  if (left < dayMs) return plural(Math.floor(left / 3_600_000), 'hour')
  return days < 1000 ? plural(days, 'day') : `${(days / 365.25).toFixed(1)} years`
}
