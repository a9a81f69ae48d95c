import { readFileSync } from 'node:fs'

/** Of this package, as `/health` shows it. */
export const packageVersion: string = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
).version
