import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { backupOf, changeClientFile } from '../../src/desktop/client-file.js'
import { desktopClients } from '../../src/desktop/clients.js'
import { install, ownServers, uninstall } from '../../src/desktop/install.js'
import { launch } from '../support/desktop.js'
import { scratch } from '../support/scratch.js'

const client = desktopClients.cursor
const at = (path: string) => ({ client, scope: 'user', path }) as const
const wanted = { name: 'weather', launch: launch(), isChosen: false }
const text = '{\n  "mcpServers": {\n    "other": { "command": "npx" } // mine\n  }\n}\n'

/** A file of a client, in a directory of its own. */
function clientFile(content: string | Buffer = text): string {
  const path = join(scratch(), 'mcp.json')
  writeFileSync(path, content, { mode: 0o640 })
  return path
}

const mode = (path: string) => lstatSync(path).mode & 0o777

describe('a file', () => {
  test('gets a server, and the text of before is kept beside it; taken out, it is as before', async () => {
    const path = clientFile()
    expect(await install(at(path), wanted)).toEqual({ path, changed: true, backup: backupOf(path) })
    expect(readFileSync(backupOf(path), 'utf8')).toBe(text)
    expect(await ownServers(at(path))).toMatchObject([
      { name: 'weather', urls: ['https://weather.example.org:8443/mcp'] },
    ])
    expect(await uninstall(at(path), 'weather')).toMatchObject({ changed: true })
    expect(readFileSync(path, 'utf8')).toBe(text)
    expect(readdirSync(join(path, '..')).sort()).toEqual(['mcp.json', 'mcp.json.mcp-mtls.bak'])
  })

  test('that has the server already is not touched, nor is what is kept beside it', async () => {
    const path = clientFile()
    await install(at(path), wanted)
    const before = [path, backupOf(path), join(path, '..')].map((one) => lstatSync(one).mtimeMs)
    expect(await install(at(path), wanted)).toEqual({ path, changed: false })
    expect(await uninstall(at(path), 'somebody')).toEqual({ path, changed: false })
    expect([path, backupOf(path), join(path, '..')].map((one) => lstatSync(one).mtimeMs)).toEqual(before)
  })

  test('keeps its mode, and so does its copy', async () => {
    const path = clientFile()
    chmodSync(path, 0o604)
    await install(at(path), wanted)
    expect([mode(path), mode(backupOf(path))]).toEqual([0o604, 0o604])
  })

  test('that is not there is made for its user alone, with its directories, and goes again', async () => {
    const path = join(scratch(), 'a', 'b', 'mcp.json')
    expect(await install(at(path), wanted)).toEqual({ path, changed: true })
    expect(mode(path)).toBe(0o600)
    expect(existsSync(backupOf(path))).toBe(false)
    expect(await uninstall(at(path), 'weather')).toMatchObject({ changed: true })
    expect(existsSync(path)).toBe(false)
  })

  test('that is not there is not made for a server that is to go', async () => {
    const path = join(scratch(), 'a', 'mcp.json')
    expect(await uninstall(at(path), 'weather')).toEqual({ path, changed: false })
    expect(existsSync(join(path, '..'))).toBe(false)
  })

  test('of a project may be read by others', async () => {
    const path = join(scratch(), '.cursor', 'mcp.json')
    await install({ ...at(path), scope: 'project' }, wanted)
    expect(mode(path)).toBe(0o644)
  })

  test.each(['', '\n\n'])('that is empty (%j) is as empty again', async (content) => {
    const path = clientFile(content)
    await install(at(path), wanted)
    expect(await ownServers(at(path))).toHaveLength(1)
    await uninstall(at(path), 'weather')
    expect(readFileSync(path, 'utf8')).toBe(content)
  })

  test('of many megabytes is changed in place', async () => {
    const history = Array.from({ length: 10_000 }, (_, number) => ({ number, text: 'x'.repeat(100) }))
    const large = JSON.stringify({ history, mcpServers: {} }, null, 2)
    const path = clientFile(large)
    await install(at(path), wanted)
    expect(await ownServers(at(path))).toHaveLength(1)
    await uninstall(at(path), 'weather')
    expect(readFileSync(path, 'utf8')).toBe(large)
  })
})

describe('a link', () => {
  test('stays one, and the file behind it is changed where it is', async () => {
    const path = clientFile()
    const [middle, link] = [join(scratch(), 'middle'), join(scratch(), 'mcp.json')]
    symlinkSync(path, middle)
    symlinkSync(middle, link)
    expect(await install(at(link), wanted)).toEqual({ path, changed: true, backup: backupOf(path) })
    expect([readlinkSync(link), readlinkSync(middle)]).toEqual([middle, path])
    expect(lstatSync(path).isFile()).toBe(true)
    await uninstall(at(link), 'weather')
    expect(readFileSync(path, 'utf8')).toBe(text)
  })

  test('that leads to nothing yet gets its file there', async () => {
    const [target, link] = [join(scratch(), 'dotfiles', 'mcp.json'), join(scratch(), 'mcp.json')]
    symlinkSync(target, link)
    expect(await install(at(link), wanted)).toEqual({ path: target, changed: true })
    expect(readlinkSync(link)).toBe(target)
  })

  test('that leads to itself is refused', async () => {
    const link = join(scratch(), 'mcp.json')
    symlinkSync(link, link)
    await expect(install(at(link), wanted)).rejects.toMatchObject({
      code: 'CLIENT_CONFIG_FAILED',
      message: expect.stringContaining('ELOOP'),
    })
  })
})

describe('what is not understood stays as it is', () => {
  test.each<readonly [what: string, content: string | Buffer, problem: string]>([
    ['half a file', '{\n  "mcpServers": {\n', 'mcp.json:3:1 is not valid JSON (close brace expected)'],
    ['UTF-16', Buffer.from('\ufeff{}', 'utf16le'), 'mcp.json is not text in UTF-8'],
    ['bytes', Buffer.from([0x7b, 0xff, 0x7d]), 'mcp.json is not text in UTF-8'],
    [
      'what is nested too deeply',
      `{"a": ${'['.repeat(100_000)}${']'.repeat(100_000)}}`,
      'mcp.json is nested too deeply',
    ],
    ['null', 'null\n', 'mcp.json:1:1 has null where the file should be an object'],
    [
      'another type',
      '{"mcpServers": "none"}',
      'mcp.json:1:16 has a string where "mcpServers" should be an object',
    ],
  ])('%s', async (_what, content, problem) => {
    const path = clientFile(content)
    const refused = { code: 'CLIENT_CONFIG_FAILED', message: expect.stringContaining(problem) }
    await expect(install(at(path), wanted)).rejects.toMatchObject(refused)
    await expect(uninstall(at(path), 'weather')).rejects.toMatchObject(refused)
    await expect(ownServers(at(path))).rejects.toMatchObject(refused)
    expect(readFileSync(path)).toEqual(Buffer.from(content as string))
    expect(readdirSync(join(path, '..'))).toEqual(['mcp.json'])
  })

  test('a directory in its place', async () => {
    const path = join(scratch(), 'mcp.json')
    mkdirSync(path)
    await expect(install(at(path), wanted)).rejects.toMatchObject({
      code: 'CLIENT_CONFIG_FAILED',
      message: `${path} is a directory`,
    })
  })

  test('a file in the place of its directory', async () => {
    const path = join(clientFile(), 'mcp.json')
    await expect(install(at(path), wanted)).rejects.toMatchObject({ code: 'CLIENT_CONFIG_FAILED' })
  })

  test('a copy of before that is damaged counts for nothing', async () => {
    const path = clientFile()
    await install(at(path), wanted)
    writeFileSync(backupOf(path), Buffer.from([0xff]))
    await uninstall(at(path), 'weather')
    expect(readFileSync(path, 'utf8')).toBe(text)
  })
})

describe('a server', () => {
  test('of somebody else that has the name is neither replaced nor taken out', async () => {
    const content = '{"mcpServers": {"weather": {"command": "npx", "args": ["-y", "weather"]}}}'
    const path = clientFile(content)
    const put = () => install(at(path), { ...wanted, isChosen: true })
    for (const work of [put, () => uninstall(at(path), 'weather')])
      await expect(work()).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('"weather" is another server of Cursor'),
        hint: expect.stringContaining('--name'),
      })
    expect(readFileSync(path, 'utf8')).toBe(content)
  })

  test('of ours for other URLs is replaced only under a name that was chosen', async () => {
    const path = clientFile()
    await install(at(path), wanted)
    const other = { ...wanted, launch: launch({}, 'https://weather.example.com/mcp') }
    await expect(install(at(path), other)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('https://weather.example.org:8443/mcp'),
      hint: expect.stringContaining('--name weather'),
    })
    expect(await install(at(path), { ...other, isChosen: true })).toMatchObject({ changed: true })
    expect(await ownServers(at(path))).toMatchObject([{ urls: ['https://weather.example.com/mcp'] }])
  })

  test('keeps what the client and its user have added', async () => {
    const path = clientFile()
    await install(at(path), { ...wanted, launch: launch({ TLS_KEY_PASSPHRASE_FILE: '/old' }) })
    const now = JSON.parse(readFileSync(path, 'utf8').replace('// mine', ''))
    Object.assign(now.mcpServers.weather, { disabled: true, autoApprove: ['x'] })
    now.mcpServers.weather.env.DEBUG = '1'
    writeFileSync(path, JSON.stringify({ other: [], ...now }))
    expect(await install(at(path), wanted)).toMatchObject({ changed: true })
    expect(JSON.parse(readFileSync(path, 'utf8')).mcpServers.weather).toEqual({
      ...client.shape(launch(), 'weather'),
      env: { DEBUG: '1' },
      disabled: true,
      autoApprove: ['x'],
    })
    expect(await install(at(path), wanted)).toMatchObject({ changed: false })
  })

  test('is the only thing that goes after the client has written its file anew', async () => {
    const path = clientFile()
    await install(at(path), wanted)
    const { mcpServers } = JSON.parse(readFileSync(path, 'utf8').replace('// mine', ''))
    const { weather, other } = mcpServers
    const rewritten = {
      mcpServers: { weather: { args: weather.args, timeout: 5, command: weather.command }, other },
      theme: 'dark',
    }
    writeFileSync(path, JSON.stringify(rewritten, null, 4))
    await uninstall(at(path), 'weather')
    expect(readFileSync(path, 'utf8')).toBe(JSON.stringify({ ...rewritten, mcpServers: { other } }, null, 4))
  })
})

describe('a file that another program writes meanwhile', () => {
  const options = { mayMake: false, mode: 0o600 }

  test('is changed from what it says then', async () => {
    const path = clientFile('0')
    let calls = 0
    const { changed } = await changeClientFile(
      path,
      (now) => {
        if (++calls <= 3) writeFileSync(path, String(calls))
        return { text: `${now?.text}, and ours` }
      },
      options,
    )
    expect(changed).toBe(true)
    expect(readFileSync(path, 'utf8')).toBe('3, and ours')
    expect(readFileSync(backupOf(path), 'utf8')).toBe('3')
  })

  test('all the time is left alone', async () => {
    const path = clientFile('0')
    let calls = 0
    const never = changeClientFile(
      path,
      (now) => {
        writeFileSync(path, String(++calls))
        return { text: `${now?.text}, and ours` }
      },
      options,
    )
    await expect(never).rejects.toMatchObject({
      code: 'CLIENT_CONFIG_FAILED',
      hint: expect.stringContaining('Quit the client'),
    })
    expect(readFileSync(path, 'utf8')).toBe(String(calls))
    expect(readdirSync(join(path, '..'))).toEqual(['mcp.json'])
  })
})

test('two at once both get in', async () => {
  const path = clientFile()
  const names = ['one', 'two', 'three', 'four', 'five']
  await Promise.all(names.map((name) => install(at(path), { ...wanted, name })))
  expect((await ownServers(at(path))).map(({ name }) => name).sort()).toEqual(names.toSorted())
  expect(readdirSync(join(path, '..')).sort()).toEqual(['mcp.json', 'mcp.json.mcp-mtls.bak'])
})
