import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CertificateStore } from '../../../src/pki/store/store.js'

let parent: string
let dir: string
let store: CertificateStore
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'store-'))
  dir = join(parent, 'deep', 'certs')
  store = new CertificateStore(dir)
})
afterEach(() => rmSync(parent, { recursive: true, force: true }))

const commit = (files: Record<string, string>) =>
  store.exclusively(() => store.commit(new Map(Object.entries(files))))
const content = async () =>
  Object.fromEntries([...(await store.read())].map(([name, { text }]) => [name, text]))
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)

test('an absent directory is an empty store', async () => {
  expect(await content()).toEqual({})
  expect(existsSync(dir)).toBe(false)
})

test('names are links into a generation folder, with the modes that keys need', async () => {
  const umask = process.umask(0o077)
  await commit({ 'server.crt': 'certificate', 'server.key': 'key' }).finally(() => process.umask(umask))
  expect(readlinkSync(join(dir, 'server.key'))).toBe('.current/server.key')
  expect(realpathSync(join(dir, 'server.crt'))).toBe(realpathSync(join(dir, '.generations/0001/server.crt')))
  expect(mode(join(dir, 'server.key'))).toBe('600')
  expect(mode(join(dir, 'server.crt'))).toBe('644')
  for (const folder of [dir, join(dir, '.generations'), join(dir, '.current/')])
    expect(mode(folder)).toBe('700')
  expect(await content()).toEqual({ 'server.crt': 'certificate', 'server.key': 'key' })
})

test('a change keeps what it does not name, and the generation before it', async () => {
  expect(await commit({ 'a.crt': 'a1', 'a.key': 'k1' })).toBeUndefined()
  const previous = await commit({ 'a.crt': 'a2', 'b.crt': 'b2' })
  expect(await content()).toEqual({ 'a.crt': 'a2', 'a.key': 'k1', 'b.crt': 'b2' })
  expect(readFileSync(join(previous ?? '', 'a.crt'), 'utf8')).toBe('a1')
})

test('whoever reads through one resolved path never sees two generations', async () => {
  await commit({ 'a.crt': '0', 'a.key': '0' })
  let done = false
  const writer = (async () => {
    for (let round = 1; round <= 30; round++) await commit({ 'a.crt': String(round), 'a.key': String(round) })
    done = true
  })()
  let reads = 0
  while (!done) {
    const seen = await content()
    expect(seen['a.crt']).toBe(seen['a.key'])
    reads++
  }
  await writer
  expect(reads).toBeGreaterThan(0)
  expect(await content()).toEqual({ 'a.crt': '30', 'a.key': '30' })
})

test("a user's plain files and foreign links are read and left alone", async () => {
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'ca.crt'), 'mine')
  writeFileSync(join(parent, 'elsewhere.crt'), 'linked')
  symlinkSync(join(parent, 'elsewhere.crt'), join(dir, 'other.crt'))
  await commit({ 'server.crt': 'new' })
  expect(await content()).toEqual({ 'ca.crt': 'mine', 'other.crt': 'linked', 'server.crt': 'new' })
  expect(lstatSync(join(dir, 'ca.crt')).isFile()).toBe(true)
})

test('plain files that are replaced are kept as a generation', async () => {
  mkdirSync(dir, { recursive: true })
  writeFileSync(join(dir, 'server.crt'), 'old')
  writeFileSync(join(dir, 'server.key'), 'old key')
  const previous = await commit({ 'server.crt': 'new', 'server.key': 'new key' })
  expect(await content()).toEqual({ 'server.crt': 'new', 'server.key': 'new key' })
  expect(readFileSync(join(previous ?? '', 'server.key'), 'utf8')).toBe('old key')
  expect(mode(join(previous ?? '', 'server.key'))).toBe('600')
})

test('what is replaced keeps its mode; a key that everybody may read does not', async () => {
  await commit({ 'a.crt': '1', 'a.key': '1', 'b.key': '1', 'c.key': '1' })
  for (const [name, bits] of [
    ['a.crt', 0o640],
    ['a.key', 0o640],
    ['b.key', 0o644],
    ['c.key', 0o400],
  ] as const)
    chmodSync(join(dir, name), bits)
  await commit({ 'a.crt': '2', 'a.key': '2', 'b.key': '2', 'new.crt': '1' })
  const modes = ['a.crt', 'a.key', 'b.key', 'c.key', 'new.crt'].map((name) => mode(join(dir, name)))
  expect(modes).toEqual(['640', '640', '600', '400', '644'])
})

test.each(['700', '750', '755'])(
  'whoever may enter a directory of mode %s may enter its folders',
  async (bits) => {
    mkdirSync(dir, { recursive: true })
    chmodSync(dir, Number.parseInt(bits, 8))
    await commit({ 'a.crt': '1' })
    for (const folder of ['.generations', '.generations/0001']) expect(mode(join(dir, folder))).toBe(bits)
    chmodSync(join(dir, '.generations'), 0o700) // somebody's wish
    await commit({ 'a.crt': '2' })
    expect(mode(join(dir, '.generations'))).toBe('700')
  },
)

test('a removed link is known while the other half is there', async () => {
  await commit({ 'a.crt': '1', 'a.key': '2', 'ca.crt': '3', 'ca.key': '4', 'b.crt': '5', 'b.key': '6' })
  for (const name of ['a.key', 'ca.key', 'b.crt', 'b.key']) rmSync(join(dir, name))
  const files = await store.read()
  expect([...files.keys()].sort()).toEqual(['a.crt', 'a.key', 'ca.crt'])
  expect(files.get('a.key')?.linked).toBe(false)
  await commit({})
  expect(readFileSync(join(dir, 'a.key'), 'utf8')).toBe('2')
  expect(readdirSync(dir)).not.toContain('ca.key')
})

test('what a killed writer left is invisible and removed by the next one', async () => {
  await commit({ 'a.crt': '1' })
  mkdirSync(join(dir, '.generations', '.tmp-x'))
  writeFileSync(join(dir, '.generations', '.tmp-x', 'a.key'), 'half')
  symlinkSync('.generations/0009', join(dir, '.tmp-y'))
  symlinkSync('.current/c.key', join(dir, 'c.key'))
  expect(await content()).toEqual({ 'a.crt': '1' })
  await commit({ 'a.crt': '2' })
  const names = [...readdirSync(dir), ...readdirSync(join(dir, '.generations'))]
  expect(names.filter((name) => name.startsWith('.tmp'))).toEqual([])
})

test('a directory that cannot be made is an error that says why', async () => {
  writeFileSync(join(parent, 'deep'), 'a file')
  await expect(commit({ 'a.crt': '1' })).rejects.toMatchObject({
    code: 'CERT_WRITE_FAILED',
    message: expect.stringContaining(dir),
  })
})

const generations = () => readdirSync(join(dir, '.generations')).sort()
/** As if the generation had been made so many days ago. */
const madeDaysAgo = (name: string, days: number) => {
  const then = Date.now() / 1000 - days * 24 * 3600
  utimesSync(join(dir, '.generations', name), then, then)
}

test('the last three generations stay, and those that were in use within a week', async () => {
  for (let round = 1; round <= 5; round++) await commit({ 'a.key': String(round) })
  expect(generations()).toEqual(['0001', '0002', '0003', '0004', '0005'])
  madeDaysAgo('0001', 100)
  madeDaysAgo('0002', 8) // so the first was in use until then
  madeDaysAgo('0003', 6)
  await commit({ 'a.key': '6' })
  expect(generations()).toEqual(['0002', '0003', '0004', '0005', '0006'])
  for (const name of generations()) madeDaysAgo(name, 30)
  await commit({ 'a.key': '7' })
  // The sixth was made long ago and replaced just now; of the others three stay with it.
  expect(generations()).toEqual(['0005', '0006', '0007'])
  expect(await content()).toEqual({ 'a.key': '7' })
})

test('a file can be forgotten: it is in the current generation alone', async () => {
  for (let round = 1; round <= 3; round++) await commit({ 'ca.key': String(round), 'ca.crt': 'c' })
  await store.exclusively(() => store.forget('ca.key'))
  const having = generations().filter((name) => existsSync(join(dir, '.generations', name, 'ca.key')))
  expect(having).toEqual(['0003'])
  expect(await content()).toEqual({ 'ca.key': '3', 'ca.crt': 'c' })
})

test('leftovers of killed writers go even when nothing changes', async () => {
  await commit({ 'a.crt': '1' })
  mkdirSync(join(dir, '.generations', '.tmp-x'))
  writeFileSync(join(dir, '.generations', '.tmp-x', 'a.key'), 'half')
  await store.exclusively(async () => undefined)
  expect(readdirSync(join(dir, '.generations'))).toEqual(['0001'])
})

test.each(['.generations', 'issued', '.current'])(
  'a planted link %s is refused and not followed',
  async (name) => {
    const elsewhere = join(parent, 'elsewhere')
    mkdirSync(elsewhere)
    mkdirSync(dir, { recursive: true, mode: 0o700 })
    symlinkSync(elsewhere, join(dir, name))
    await expect(commit({ 'a.key': 'secret' })).rejects.toMatchObject({
      code: 'CERT_WRITE_FAILED',
      message: expect.stringContaining(elsewhere),
    })
    expect(readdirSync(elsewhere)).toEqual([])
    expect(readdirSync(dir)).toEqual([name])
  },
)

test.each([0o777, 0o1777, 0o702])(
  'a directory with mode %o, in which others may put files, is refused',
  async (mode) => {
    mkdirSync(dir, { recursive: true })
    chmodSync(dir, mode)
    await expect(commit({ 'a.key': 'secret' })).rejects.toMatchObject({
      code: 'CERT_WRITE_FAILED',
      message: expect.stringContaining('others may put files there'),
      hint: expect.stringContaining('chmod o-w'),
    })
    expect(readdirSync(dir)).toEqual([])
    expect(await content()).toEqual({}) // reading is free
  },
)

test('so is a folder of generations that others may write', async () => {
  await commit({ 'a.key': '1' })
  chmodSync(join(dir, '.generations'), 0o777)
  await expect(commit({ 'a.key': '2' })).rejects.toThrow(/generations: others may put files there/)
  expect(await content()).toEqual({ 'a.key': '1' })
})
