import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  lstatSync,
  lutimesSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { withLock } from '../../src/files/lock.js'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lock-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  return child.pid ?? 0
}

const here =
  process.platform === 'linux'
    ? `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`
    : hostname()

function leaveLock(name: string, owner: object): void {
  symlinkSync(
    JSON.stringify({ id: 'left', host: hostname(), place: here, start: 'some time ago', ...owner }),
    join(dir, name),
  )
}

/** Many at once; gives how many were inside at the same time at most. */
async function crowd(size: number): Promise<number> {
  let inside = 0
  let most = 0
  const enter = () =>
    withLock(dir, async () => {
      most = Math.max(most, ++inside)
      await new Promise((resolve) => setImmediate(resolve))
      inside--
    })
  await Promise.all(Array.from({ length: size }, enter))
  return most
}

test('only one is inside at a time, and the lock is gone afterwards', async () => {
  expect(await crowd(20)).toBe(1)
  expect(readdirSync(dir)).toEqual([])
})

test('it is released when the work fails', async () => {
  await expect(withLock(dir, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(readdirSync(dir)).toEqual([])
})

test('the lock of a dead process is taken over by one of many', async () => {
  leaveLock('.lock', { pid: await deadPid() })
  expect(await crowd(20)).toBe(1)
  expect(readdirSync(dir)).toEqual([])
})

test('the lock of a process that died while taking over is taken over', async () => {
  const pid = await deadPid()
  leaveLock('.lock', { pid, id: 'first' })
  leaveLock('.lock.first', { pid, id: 'second' })
  expect(await crowd(20)).toBe(1)
  expect(readdirSync(dir)).toEqual([])
})

test('a process number that was given out again does not keep the lock', async () => {
  leaveLock('.lock', { pid: process.pid })
  expect(await crowd(2)).toBe(1)
})

test('it says which process holds it, and when that process began', async () => {
  const owner = () => withLock(dir, async () => JSON.parse(readlinkSync(join(dir, '.lock'))))
  const [first, second] = [await owner(), await owner()]
  expect(first).toMatchObject({ pid: process.pid, host: hostname(), start: expect.stringMatching(/\d/) })
  expect(second.start).toBe(first.start)
  expect(second.id).not.toBe(first.id)
})

test('claims that dead processes left are swept, and nothing else', async () => {
  leaveLock('.lock.left', { pid: await deadPid() })
  writeFileSync(join(dir, 'x.lock.'), 'mine')
  await withLock(dir, async () => undefined)
  expect(readdirSync(dir)).toEqual(['x.lock.'])
})

test('an owner that says nothing of its start counts by its number alone', async () => {
  leaveLock('.lock', { pid: process.pid, start: undefined })
  await expect(withLock(dir, async () => undefined, { longestWait: 60 })).rejects.toMatchObject({
    code: 'CERT_WRITE_FAILED',
  })
  rmSync(join(dir, '.lock'))
  leaveLock('.lock', { pid: await deadPid(), start: undefined })
  expect(await crowd(2)).toBe(1)
})

test('a directory that is not there, or goes away meanwhile, is no reason to wait', async () => {
  await expect(withLock(join(dir, 'nowhere'), async () => undefined)).rejects.toMatchObject({
    code: 'ENOENT',
  })
  expect(await withLock(dir, async () => rmSync(join(dir, '.lock')))).toBeUndefined()
})

test('a living owner is waited for, then named in the error', async () => {
  await withLock(dir, async () => {
    await expect(withLock(dir, async () => undefined, { longestWait: 60 })).rejects.toMatchObject({
      code: 'CERT_WRITE_FAILED',
      message: expect.stringContaining(`process ${process.pid}`),
      hint: expect.stringContaining('Wait'),
    })
  })
})

test.each([
  ['another machine', { host: 'elsewhere.example', place: 'elsewhere' }],
  ['another container with the same host name', { place: 'pid:[1]' }],
  ['a version that did not say where it ran', { place: undefined }],
])('the lock of %s is respected while it is touched, and taken over when it is not', async (_, owner) => {
  leaveLock('.lock', { pid: await deadPid(), ...owner })
  const touching = setInterval(() => lutimesSync(join(dir, '.lock'), new Date(), new Date()), 10)
  await expect(
    withLock(dir, async () => undefined, { longestWait: 400, longestSilence: 200 }),
  ).rejects.toMatchObject({ code: 'CERT_WRITE_FAILED' })
  clearInterval(touching)
  const others = Array.from({ length: 5 }, () => withLock(dir, async () => 'inside', { longestSilence: 200 }))
  expect(new Set(await Promise.all(others))).toEqual(new Set(['inside']))
  expect(readdirSync(dir)).toEqual([])
})

test('an owner touches its lock as long as it works', async () => {
  await withLock(dir, async () => {
    lutimesSync(join(dir, '.lock'), 1, 1)
    const touched = () => lstatSync(join(dir, '.lock')).mtimeMs > 1000
    await vi.waitFor(() => expect(touched()).toBe(true), { timeout: 10_000 })
  })
})

test('a process that stood still learns that its lock is another one now, and leaves that alone', async () => {
  const outcome = withLock(dir, async (confirm) => {
    await confirm()
    rmSync(join(dir, '.lock'))
    leaveLock('.lock', { pid: process.pid, id: 'other' })
    await confirm()
  })
  await expect(outcome).rejects.toMatchObject({
    code: 'CERT_WRITE_FAILED',
    message: expect.stringContaining('taken over'),
  })
  expect(readlinkSync(join(dir, '.lock'))).toContain('other')
})

test.each([
  '{"id":"/../../outside","pid":1}',
  '{"id":"x","pid":-1}',
  '{"id":"x","pid":"1"}',
  '{}',
  'null',
  '/etc/passwd',
])('a planted lock %s is refused and not followed', async (target) => {
  symlinkSync(target, join(dir, '.lock'))
  await expect(withLock(dir, async () => undefined)).rejects.toMatchObject({
    code: 'CERT_WRITE_FAILED',
    hint: expect.stringContaining('remove it'),
  })
  expect(readlinkSync(join(dir, '.lock'))).toBe(target)
})

test('something else of that name is left alone', async () => {
  writeFileSync(join(dir, '.lock'), 'mine')
  await expect(withLock(dir, async () => undefined)).rejects.toMatchObject({
    code: 'CERT_WRITE_FAILED',
    hint: expect.stringContaining('remove it'),
  })
  expect(readdirSync(dir)).toEqual(['.lock'])
})
