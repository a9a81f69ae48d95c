// A record of calls on a file system that is really full.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { endedCall } from '../support/audited.js'
import { bin } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { describeWith, onPath } from '../support/tools.js'

const ownMounts = ['--mount', '--propagation', 'private']
const mayMount =
  onPath('unshare') !== undefined &&
  spawnSync('unshare', [...ownMounts, 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0

/** Fills the disk, records more than finds room, makes room, and says what came of it. */
const script = `
  import { rmSync, writeFileSync } from 'node:fs'
  const [url, directory, example] = process.argv.slice(1)
  const { openAudit, verifyAudit } = await import(url)
  const sink = directory + '/audit.jsonl'
  const told = []
  let works
  const server = setInterval(() => {}, 1000)
  const audit = await openAudit({ sink, tell: ({ event }) => { told.push(event); if (event === 'audit-works-again') works?.() } })
  const call = JSON.parse(example)
  const record = (count) => { for (let left = count; left > 0; left--) audit.record(call) }
  record(10)
  await audit.drain()
  let size = 64 * 1024
  while (size > 0) try { writeFileSync(directory + '/filler-' + size, Buffer.alloc(size)) ; size = size >> 1 } catch { size = size >> 1 }
  record(200)
  await audit.drain()
  const full = audit.health()
  const denied = await audit.intent(call).catch(({ code }) => code)
  const again = new Promise((resolve) => { works = resolve })
  for (const name of [65536, 32768, 16384, 8192, 4096, 2048]) rmSync(directory + '/filler-' + name, { force: true })
  await again
  await audit.drain()
  await audit.close()
  clearInterval(server)
  const { ok, lines, unproven_lines } = await verifyAudit({ files: [sink] })
  console.log(JSON.stringify({ full, denied, told, ok, lines, unproven_lines }))`

describeWith('mount namespace', mayMount, 'a record of calls on a full disk', () => {
  test('goes on by itself once there is room, and nothing is missing', () => {
    const directory = scratch()
    const audit = pathToFileURL(join(bin, '../../audit/index.js')).href
    const mount = 'mount -t tmpfs -o size=320k none "$0" && exec "$@"'
    const node = [process.execPath, '--input-type=module', '--eval', script]
    const args = ['sh', '-c', mount, directory, ...node, audit, directory, JSON.stringify(endedCall())]
    const { stdout, stderr } = spawnSync('unshare', [...ownMounts, ...args], { encoding: 'utf8' })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({
      full: expect.objectContaining({
        ok: false,
        lost: 0,
        error: expect.stringContaining('the disk is full'),
      }),
      denied: 'AUDIT_FAILED',
      told: ['audit-key-made', 'audit-failed', 'audit-works-again'],
      ok: true,
      lines: 1 + 210 + 1,
      unproven_lines: 0,
    })
  })
})
