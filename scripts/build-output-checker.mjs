// Makes generated/output-checker.js: src/client/output-checker.ts and all that it imports as one text, for a thread.

import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { requireNotice } from './notice.mjs'

const path = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url))

const bundle = await rolldown({
  input: path('src/client/output-checker.ts'),
  platform: 'node',
  resolve: { conditionNames: ['import', 'node'] },
})
const { output } = await bundle.generate({ format: 'cjs', minify: true })
await bundle.close()
requireNotice(output)
if (output.length !== 1) throw new Error(`one text is wanted, not ${output.length}`)

mkdirSync(path('generated'), { recursive: true })
writeFileSync(
  path('generated/output-checker.js'),
  `export const program = ${JSON.stringify(output[0].code)}\n`,
)
writeFileSync(path('generated/output-checker.d.ts'), 'export declare const program: string\n')
