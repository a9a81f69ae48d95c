import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { clientNames, desktopClient } from '../../src/desktop/clients.js'
import { entriesIn } from '../../src/desktop/edit.js'
import { install, ownServers, uninstall } from '../../src/desktop/install.js'
import { launch } from '../support/desktop.js'
import { scratch } from '../support/scratch.js'

// Files as clients and their users write them.

const fixture = (name: string) => readFileSync(new URL(`fixtures/${name}.fixture`, import.meta.url), 'utf8')

const ways: readonly (readonly [string, (text: string) => string])[] = [
  ['as it is', (text) => text],
  ['with the line ends of Windows', (text) => text.replaceAll('\n', '\r\n')],
  ['with a byte order mark', (text) => `\ufeff${text}`],
  ['without an end of its last line', (text) => text.trimEnd()],
]

describe.each(clientNames)('%s', (name) => {
  const client = desktopClient(name)
  const original = fixture(name)

  test.each(ways)('%s: a server comes, is updated, and goes; nothing else changes', async (_way, written) => {
    const path = join(scratch(), 'file')
    const text = written(original)
    writeFileSync(path, text)
    const place = { client, scope: 'user', path } as const
    const wanted = {
      name: 'weather',
      launch: launch({ TLS_KEY_PASSPHRASE_FILE: '/secret' }),
      isChosen: false,
    }
    const before = entriesIn(client, text)

    expect(await install(place, wanted)).toMatchObject({ changed: true })
    const after = readFileSync(path, 'utf8')
    expect(entriesIn(client, after)).toEqual(
      new Map([...before, ['weather', client.shape(wanted.launch, 'weather')]]),
    )
    // Each line is there as it was, in its order; only a comma, or what stands in braces, may have come to its end.
    const lines = after.split(/\r?\n/)
    let at = 0
    for (const line of text.split(/\r?\n/)) {
      const start = line.replace(/[\s,{}]+$/, '')
      at = lines.findIndex((one, index) => index >= at && one.startsWith(start))
      expect(at, line).toBeGreaterThanOrEqual(0)
    }
    expect(await install(place, wanted)).toMatchObject({ changed: false })
    expect(await install(place, { ...wanted, launch: launch() })).toMatchObject({ changed: true })
    expect(await ownServers(place)).toMatchObject([{ name: 'weather' }])

    expect(await uninstall(place, 'weather')).toMatchObject({ changed: true })
    expect(readFileSync(path, 'utf8')).toBe(text)
  })
})
