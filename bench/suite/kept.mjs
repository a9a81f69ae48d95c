// The result that is kept: of a whole run, and of parts that were measured again after it.
import { readFileSync, writeFileSync } from 'node:fs'
import { json } from './text.mjs'

/** @typedef {import('./suite.mjs').Result} Result */
/** @typedef {Result & { apart?: Record<string, Result['environment']> }} Kept `apart`: of parts that another run has measured, what it ran on */

const latest = new URL('../results/latest.json', import.meta.url)

/** @returns {Kept} */
export const kept = () => JSON.parse(readFileSync(latest, 'utf8'))

/** Keeps a result, that of some parts in place of what is known of them. @param {Result} result @param {readonly string[]} [parts] all without it */
export function keep(result, parts) {
  writeFileSync(latest, json(parts ? withParts(kept(), result, parts) : result))
}

/** @param {Kept} whole @param {Result} result @param {readonly string[]} parts @returns {Kept} */
export function withParts(whole, result, parts) {
  /** @template {{ part: string }} Row @param {readonly Row[]} known @param {readonly Row[]} measured */
  const replaced = (known, measured) => [...known.filter(({ part }) => !parts.includes(part)), ...measured]
  const apart = Object.fromEntries(parts.map((part) => [part, result.environment]))
  return {
    environment: whole.environment,
    apart: { ...whole.apart, ...apart },
    failures: replaced(whole.failures, result.failures),
    targets: replaced(whole.targets, result.targets),
    figures: replaced(whole.figures, result.figures),
  }
}
