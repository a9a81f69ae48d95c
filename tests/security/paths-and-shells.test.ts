import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCli } from '../support/cli.js'
import { exposed } from '../support/exposed.js'
import { treeOf } from '../support/file-tree.js'
import { initialize } from '../support/raw-session.js'
import { scratch } from '../support/scratch.js'
import { ask } from '../support/wire.js'
import { makeWorld } from '../support/world.js'

test('the name of a certificate leads out of no directory', async () => {
  const parent = scratch()
  const cwd = join(parent, 'here')
  mkdirSync(cwd)
  expect((await runCli(['cert-gen'], { cwd })).exitCode).toBe(0)
  const before = treeOf(parent)
  for (const name of [
    '../evil',
    '../../evil',
    '/evil',
    'a/b',
    '..',
    '.',
    'a\\b',
    'a\0b',
    '.generations',
    'ca',
  ])
    expect((await runCli(['cert-gen', 'client', name], { cwd })).exitCode, name).not.toBe(0)
  expect(treeOf(parent)).toEqual(before)
  expect((await runCli(['cert-gen', 'client', 'good'], { cwd })).exitCode).toBe(0)
  expect(readdirSync(join(cwd, 'certs'))).toContain('good.crt')
})

test('no shell reads the command of expose', async () => {
  await using world = await makeWorld()
  const cwd = scratch()
  const args = ['$(touch ran)', '; touch ran', '`touch ran`', '| touch ran', '&& touch ran', '%PATH%', '*']
  const echo = 'process.stderr.write(JSON.stringify(process.argv.slice(1)) + "\\n"); process.stdin.resume()'
  const { url, lines } = await exposed(world, [process.execPath, '-e', echo, ...args], { cwd })
  const asked = ask(url, world.certDir, { body: JSON.stringify(initialize()) }).catch(() => {})
  await expect.poll(() => lines.find((line) => line.includes('touch'))).toContain(JSON.stringify(args))
  expect(readdirSync(cwd)).toEqual([])
  void asked
})
