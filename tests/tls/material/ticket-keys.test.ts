import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { readTicketSecret, secretLife, ticketKeysFor } from '../../../src/tls/material/ticket-keys.js'
import { startNode } from '../../support/cli.js'
import { refusalOf } from '../../support/refusal.js'
import { scratch } from '../../support/scratch.js'

const begin = new Date('2030-01-01T00:00:00Z')
const after = (milliseconds: number) => new Date(begin.getTime() + milliseconds)
const place = () => join(scratch(), 'tickets')

test('the first process makes the file, for itself alone; all others read it', async () => {
  const path = place()
  const all = await Promise.all(Array.from({ length: 20 }, () => readTicketSecret(path, begin)))
  expect(new Set(all.map((bytes) => bytes.toString('hex'))).size).toBe(1)
  expect(all[0]).toHaveLength(32)
  expect(statSync(path).mode & 0o777).toBe(0o600)
  expect(readdirSync(dirname(path))).toEqual(['tickets'])
})

test('a secret lives for twelve hours, and everybody has the same next one', async () => {
  const path = place()
  const first = await readTicketSecret(path, begin)
  expect(await readTicketSecret(path, after(secretLife - 1))).toEqual(first)
  const next = await Promise.all(Array.from({ length: 10 }, () => readTicketSecret(path, after(secretLife))))
  expect(next[0]).not.toEqual(first)
  for (const bytes of next) expect(bytes).toEqual(next[0])
  expect(readFileSync(path, 'latin1')).not.toContain(first.toString('hex'))
  expect(statSync(path).mode & 0o777).toBe(0o600)
})

test('one from far in the future is replaced: nobody knows how old it is', async () => {
  const path = place()
  const first = await readTicketSecret(path, after(secretLife))
  expect(await readTicketSecret(path, begin)).not.toEqual(first)
})

test('each server name, mode and trust has keys of its own, which say nothing of the secret', () => {
  const bytes = Buffer.alloc(32, 7)
  const keys = ticketKeysFor({ bytes, serverName: 'echo' }, { mode: 'strict', trustVersion: 'a' })
  expect(keys).toHaveLength(48)
  expect(keys).toEqual(ticketKeysFor({ bytes, serverName: 'echo' }, { mode: 'strict', trustVersion: 'a' }))
  const others = [
    ticketKeysFor({ bytes, serverName: 'weather' }, { mode: 'strict', trustVersion: 'a' }),
    ticketKeysFor({ bytes, serverName: 'echo' }, { mode: 'demo', trustVersion: 'a' }),
    ticketKeysFor({ bytes, serverName: 'echo' }, { mode: 'strict', trustVersion: 'b' }),
    ticketKeysFor({ bytes: Buffer.alloc(32, 8), serverName: 'echo' }, { mode: 'strict', trustVersion: 'a' }),
    // What would be the same text if the parts were only joined.
    ticketKeysFor({ bytes, serverName: 'echo","strict' }, { mode: 'strict', trustVersion: 'a' }),
  ]
  const parts = (all: Buffer) => [0, 16, 32].map((at) => all.subarray(at, at + 16).toString('hex'))
  const seen = [keys, ...others].flatMap(parts)
  expect(new Set(seen).size).toBe(seen.length)
})

const good = `${begin.toISOString()} ${'ab'.repeat(32)}\n`

test('a good file that somebody else has put there is taken', async () => {
  const path = place()
  writeFileSync(path, good, { mode: 0o600 })
  expect(await readTicketSecret(path, begin)).toEqual(Buffer.alloc(32, 0xab))
})

test.each([
  ['empty', ''],
  ['short', `${begin.toISOString()} ${'ab'.repeat(31)}\n`],
  ['long', `${begin.toISOString()} ${'ab'.repeat(33)}\n`],
  ['without a day', `${'ab'.repeat(32)}\n`],
  ['of no day', `2030-99-99T00:00:00.000Z ${'ab'.repeat(32)}\n`],
  ['of 48 random bytes', Buffer.alloc(48, 200)],
])('a file that is %s is refused, and left as it is', async (_what, content) => {
  const path = place()
  writeFileSync(path, content, { mode: 0o600 })
  const error = await refusalOf(readTicketSecret(path, begin))
  expect(error).toMatchObject({
    code: 'CONFIG_INVALID',
    message: `tls.ticketKeys: ${path} is not a secret of session tickets`,
  })
  expect(readFileSync(path)).toEqual(Buffer.from(content))
})

test.each([0o640, 0o604, 0o660, 0o644])('a file of mode %o is refused, whatever its age', async (mode) => {
  const path = place()
  writeFileSync(path, good)
  chmodSync(path, mode)
  for (const now of [begin, after(secretLife)])
    expect(await refusalOf(readTicketSecret(path, now))).toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining(`others than its owner may use it (mode 0${mode.toString(8)})`),
      hint: expect.stringContaining('chmod 600'),
    })
})

test('a directory in which others may put another file is refused', async () => {
  const path = place()
  writeFileSync(path, good, { mode: 0o600 })
  chmodSync(dirname(path), 0o777)
  expect((await refusalOf(readTicketSecret(path, begin))).message).toContain('others may replace what is in')
  rmSync(path)
  expect((await refusalOf(readTicketSecret(path, begin))).message).toContain('others may replace what is in')
  expect(readdirSync(dirname(path))).toEqual([])
})

test('a directory that is missing is named, and not made', async () => {
  const path = join(scratch(), 'missing', 'tickets')
  expect(await refusalOf(readTicketSecret(path, begin))).toMatchObject({
    code: 'CONFIG_INVALID',
    message: `tls.ticketKeys: ${dirname(path)} is not a directory`,
  })
  const directory = place()
  mkdirSync(directory)
  expect((await refusalOf(readTicketSecret(directory, begin))).message).toContain('is a directory')
})

test('where it cannot be replaced the old one goes on; where there is none that is an error', async () => {
  const path = place()
  writeFileSync(join(dirname(path), '.lock'), 'no lock of ours')
  expect((await refusalOf(readTicketSecret(path, begin))).code).toBe('CERT_WRITE_FAILED')
  writeFileSync(path, good, { mode: 0o600 })
  expect(await readTicketSecret(path, after(secretLife))).toEqual(Buffer.alloc(32, 0xab))
})

test('whoever is killed while replacing it leaves a whole one, and the next goes on', async () => {
  const path = place()
  const module = new URL('../../../dist/tls/material/ticket-keys.js', import.meta.url).href
  const script = `
    const { readTicketSecret, secretLife } = await import(${JSON.stringify(module)})
    for (let time = Number(process.argv[1]); ; time += secretLife) {
      await readTicketSecret(${JSON.stringify(path)}, new Date(time))
      console.log('replaced ' + time)
    }`
  let time = begin.getTime()
  for (const kills of [1, 2, 3, 5, 8]) {
    const child = startNode(['--input-type=module', '-e', script, String(time)])
    await child.printed(new RegExp(`(replaced \\d+\\s+){${kills}}`))
    child.process.kill('SIGKILL')
    const { stdout } = await child.finished
    const last = Number(/(\d+)\s*$/.exec(stdout)?.[1])
    // It may have been killed between the replacement and its line.
    expect(readFileSync(path, 'latin1')).toMatch(/^20\d\d-[\dT:.-]+Z [\da-f]{64}\n$/)
    time = last + 4 * secretLife
    expect(await readTicketSecret(path, new Date(time))).toHaveLength(32)
    expect(readdirSync(dirname(path))).toEqual(['tickets'])
  }
  rmSync(path)
})
