import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { errorCodes } from '../../src/errors.js'
import { checkCodes } from '../../src/pki/check/check-finding.js'
import { stepCodes } from '../../src/probe/diagnose/steps.js'

const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
const sections = page.split(/^### /m).slice(1)

test('docs/errors.md has a section for each code and for nothing else', () => {
  const documented = sections.map((section) => section.split('\n')[0])
  expect(documented.toSorted()).toEqual(Object.keys(errorCodes).toSorted())
})

test.each(sections)('%s has a meaning, a cause and a fix', (section) => {
  for (const part of ['**Meaning:** ', '**Cause:** ', '**Fix:** ']) expect(section).toContain(part)
})

test('docs/errors.md has a row for each code that cert-check and test-tls add and for nothing else', () => {
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code)
  expect(rows.toSorted()).toEqual(Object.keys({ ...checkCodes, ...stepCodes }).toSorted())
})
