// Copies what browsers get beside the compiled code that reads it: tsc takes TypeScript alone.

import { cpSync, readdirSync } from 'node:fs'
import { extname } from 'node:path'

const root = new URL('../', import.meta.url)

for (const folder of ['monitor/page/', 'perf/page/'])
  for (const name of readdirSync(new URL(`src/${folder}`, root)))
    if (extname(name) !== '.ts')
      cpSync(new URL(`src/${folder}${name}`, root), new URL(`dist/${folder}${name}`, root))
