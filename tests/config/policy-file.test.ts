import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { readPolicyText } from '../../src/config/index.js'
import { scratch } from '../support/scratch.js'

let path: string
beforeEach(() => {
  path = join(scratch(), 'policy.yaml')
})

function write(text: string | Uint8Array, mode = 0o644): void {
  writeFileSync(path, text)
  chmodSync(path, mode)
}

const refused = (words: string) =>
  expect.objectContaining({ code: 'POLICY_INVALID', message: expect.stringContaining(`${path}${words}`) })

test('the text of a policy is that of its file, without a byte order mark', () => {
  write('\ufeffrules: [] # ✓\n')
  expect(readPolicyText(path)).toBe('rules: [] # ✓\n')
})

test.each([0o660, 0o646, 0o777])('one that others may change is refused: mode %o', (mode) => {
  write('rules: []\n', mode)
  expect(() => readPolicyText(path)).toThrow(refused(': '))
  chmodSync(path, 0o644)
  expect(readPolicyText(path)).toBe('rules: []\n')
})

test('one that others may replace is refused, behind a link too', () => {
  write('rules: []\n')
  const [directory, link] = [dirname(path), join(scratch(), 'link.yaml')]
  symlinkSync(path, link)
  for (const place of [directory, dirname(link)]) {
    chmodSync(place, 0o777)
    expect(() => readPolicyText(link)).toThrow(
      expect.objectContaining({
        message: expect.stringContaining(`others may replace what is in ${place} (mode 0777)`),
        hint: expect.stringContaining(`\`chmod go-w ${place}\``),
      }),
    )
    chmodSync(place, 0o1777) // they may add files, and take none away
    expect(readPolicyText(link)).toBe('rules: []\n')
    chmodSync(place, 0o700)
  }
})

test('one in a volume of Kubernetes is read', () => {
  const volume = dirname(path)
  mkdirSync(join(volume, '..2026'))
  writeFileSync(join(volume, '..2026', 'policy.yaml'), 'rules: []\n')
  symlinkSync('..2026', join(volume, '..data'))
  symlinkSync('..data/policy.yaml', path)
  chmodSync(volume, 0o777)
  expect(readPolicyText(path)).toBe('rules: []\n')
})

test('behind a link the rights of the file itself count', () => {
  write('rules: []\n', 0o666)
  const link = join(scratch(), 'link.yaml')
  symlinkSync(path, link)
  expect(() => readPolicyText(link)).toThrow('others may change it (mode 0666)')
  chmodSync(path, 0o644)
  expect(readPolicyText(link)).toBe('rules: []\n')
})

test.each<[string, () => void]>([
  [' does not exist', () => {}],
  [' is a directory', () => mkdirSync(path)],
  [' is too large', () => write(new Uint8Array(1024 * 1024 + 1))],
  [' is not text in UTF-8', () => write(Buffer.from('rules: []\n', 'utf16le').fill(0xff, 0, 2))],
])('a file that cannot be read is named:%s', (words, make) => {
  make()
  expect(() => readPolicyText(path)).toThrow(refused(words))
})
