// What a bundle holds of other packages must be named in NOTICE, which comes along with it.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const notice = fileURLToPath(new URL('../NOTICE', import.meta.url))

/** The package of a path in it; undefined outside. */
const packageOf = (path) => /.*\/node_modules\/((?:@[^/]+\/)?[^/\s]+)/.exec(path)?.[1]

/** The packages in the chunks of a bundle; those too that a package has in its own files, as it says in comments there. */
export function packagesIn(chunks) {
  const modules = new Set(chunks.flatMap(({ modules = {} }) => Object.keys(modules)))
  const outside = [...modules].filter((id) => packageOf(id) !== undefined)
  const inside = outside.flatMap(
    (id) => readFileSync(id, 'utf8').match(/^\/\/#region .*\/node_modules\/.*$/gm) ?? [],
  )
  return [...new Set([...outside, ...inside].map(packageOf))].sort()
}

/** Throws an error that names the packages of a bundle which NOTICE does not name. */
export function requireNotice(chunks, text = readFileSync(notice, 'utf8')) {
  const words = new Set(text.split(/[\s,()]+|[.:;](?=\s|$)/))
  const missing = packagesIn(chunks).filter((name) => !words.has(name))
  if (missing.length > 0) throw new Error(`NOTICE does not name what is bundled: ${missing.join(', ')}`)
}
