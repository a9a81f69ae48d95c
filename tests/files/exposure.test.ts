import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { directoryExposure, fileExposure, keyExposure } from '../../src/files/exposure.js'
import { scratch } from '../support/scratch.js'

test.each([
  [0o600, undefined],
  [0o400, undefined],
  [0o640, undefined],
  [0o440, undefined],
  [0o660, /^its group may change .*server\.key \(mode 0660\)$/],
  [0o620, /^its group may change/],
  [0o644, /^others may read .*server\.key \(mode 0644\)$/],
  [0o604, /^others/],
  [0o602, /^others/],
  [0o666, /^others/],
])('a key of mode %o', async (mode, words) => {
  const path = join(scratch(), 'server.key')
  const expected = words && expect.stringMatching(words)
  // The bits of its kind, as stat gives them, do not count.
  for (const kind of [0, 0o100000]) expect(await keyExposure(path, kind | mode)).toEqual(expected)
})

test.each([
  [0o600, undefined],
  [0o644, undefined],
  [0o755, undefined],
  [0o620, 'its group may change it (mode 0620)'],
  [0o664, 'its group may change it (mode 0664)'],
  [0o602, 'others may change it (mode 0602)'],
  [0o666, 'others may change it (mode 0666)'],
])('a file of mode %o that its owner alone should change', (mode, words) => {
  for (const kind of [0, 0o100000]) expect(fileExposure(kind | mode)).toBe(words)
})

test('in a volume of Kubernetes everybody is the pod alone', async () => {
  const mount = scratch()
  mkdirSync(join(mount, '..2026'))
  symlinkSync('..2026', join(mount, '..data'))
  expect(await keyExposure(join(mount, 'tls.key'), 0o644)).toBeUndefined()
  expect(await keyExposure(join(mount, 'tls.key'), 0o664)).toMatch(/^its group may change/)
})

test.each([
  [0o700, undefined],
  [0o755, undefined],
  [0o1777, undefined],
  [0o3777, undefined],
  [0o775, 'its group may replace what is in certs (mode 0775)'],
  [0o2775, 'its group may replace what is in certs (mode 0775)'],
  [0o777, 'others may replace what is in certs (mode 0777)'],
  [0o702, 'others may replace what is in certs (mode 0702)'],
])('a directory of mode %o', (mode, words) => {
  expect(directoryExposure('certs', 0o40000 | mode)).toBe(words)
})
