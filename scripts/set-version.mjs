// Run by `npm version`: writes the version of package.json and today's date into the source.

import { readFileSync, writeFileSync } from 'node:fs'

const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
const path = 'src/config/package-version.ts'
const today = new Date().toISOString().slice(0, 10)

/** Throws when the line is not as it was. */
function set(text, name, value) {
  const line = new RegExp(`(export const ${name}\\b.*?')[^']*(')`)
  if (!line.test(text)) throw new Error(`${path} has no ${name}`)
  return text.replace(line, (_, before, after) => before + value + after)
}

const text = readFileSync(path, 'utf8')
writeFileSync(path, set(set(text, 'packageVersion', version), 'releaseDate', today))
