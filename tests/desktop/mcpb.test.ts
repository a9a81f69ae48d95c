import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unzipSync } from 'fflate'
import { parseSync } from 'oxc-parser'
import { describe, expect, test } from 'vitest'
import { type BundleOptions, writeBundle } from '../../src/desktop/mcpb.js'
import { startNode } from '../support/cli.js'
import { scratch } from '../support/scratch.js'
import { startEntry } from '../support/started-entry.js'
import { makeWorld, serveTest } from '../support/world.js'

const program = fileURLToPath(new URL('../../dist/mcpb/', import.meta.url))
const licence = fileURLToPath(new URL('../../LICENSE', import.meta.url))
const options: BundleOptions = {
  name: 'weather',
  urls: [new URL('https://weather.example.org:8443/mcp'), new URL('https://b.example.org/mcp')],
  args: ['--server-id', 'spiffe://example.org/weather'],
  program,
  papers: [licence],
}

/** What the client puts something in the place of. */
const placed = (name: string, rest = '') => `\${${name}}${rest}`

/** Its files. */
function unpacked(path: string): Record<string, Uint8Array> {
  return unzipSync(readFileSync(path))
}

async function made(changes: Partial<BundleOptions> = {}): Promise<string> {
  const path = join(scratch(), 'weather.mcpb')
  await writeBundle(path, { ...options, ...changes })
  return path
}

/** The keys that version 0.4 knows; it refuses others (schemas/mcpb-manifest-v0.4.schema.json). */
const known = {
  manifest:
    'manifest_version name display_name version description long_description author repository homepage documentation support icon icons screenshots localization server tools tools_generated prompts prompts_generated keywords license privacy_policies compatibility user_config _meta',
  option: 'type title description required default multiple sensitive min max',
}

describe('a bundle', () => {
  test('has a manifest of version 0.4 that starts what is in it, with what its user picks', async () => {
    const files = unpacked(await made())
    const manifest = JSON.parse(Buffer.from(files['manifest.json'] ?? []).toString())
    expect(manifest).toMatchObject({
      manifest_version: '0.4',
      name: 'weather',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      description: expect.stringContaining('weather.example.org:8443'),
      author: { name: expect.any(String) },
      server: { type: 'node', entry_point: 'server/mcp-mtls.mjs' },
    })
    expect(Object.keys(manifest).filter((key) => !known.manifest.split(' ').includes(key))).toEqual([])
    const { command, args, env } = manifest.server.mcp_config
    expect([command, ...args]).toEqual([
      'node',
      placed('__dirname', '/server/mcp-mtls.mjs'),
      'bridge',
      'https://weather.example.org:8443/mcp',
      'https://b.example.org/mcp',
      ...['--client-cert', placed('user_config.client_cert')],
      ...['--client-key', placed('user_config.client_key')],
      ...['--ca-cert', placed('user_config.ca_cert')],
      ...options.args,
    ])
    expect(Object.values(env)).toEqual([placed('user_config.passphrase')])
    for (const option of Object.values<object>(manifest.user_config))
      expect(Object.keys(option).filter((key) => !known.option.split(' ').includes(key))).toEqual([])
    const { passphrase, ...picks } = manifest.user_config
    expect(passphrase).toMatchObject({ type: 'string', sensitive: true, required: false, default: '' })
    expect(Object.keys(picks)).toEqual(['client_cert', 'client_key', 'ca_cert'])
    for (const picked of Object.values(picks)) expect(picked).toMatchObject({ type: 'file', required: true })
    expect(files[manifest.server.entry_point]).toBeDefined()
    expect(files.LICENSE).toEqual(new Uint8Array(readFileSync(licence)))
  })

  test('needs nothing but Node: no file in it imports a package', async () => {
    const files = Object.entries(unpacked(await made())).filter(([name]) => name.endsWith('.mjs'))
    expect(files.length).toBeGreaterThan(1)
    const imported = files.flatMap(([name, content]) => {
      const { staticImports, dynamicImports } = parseSync(name, Buffer.from(content).toString()).module
      const text = Buffer.from(content).toString()
      return [
        ...staticImports.map(({ moduleRequest }) => moduleRequest.value),
        ...dynamicImports.map(({ moduleRequest }) =>
          text.slice(moduleRequest.start + 1, moduleRequest.end - 1),
        ),
      ]
    })
    expect(imported.length).toBeGreaterThan(1)
    expect(imported.filter((from) => !/^(node:|\.\/)/.test(from))).toEqual([])
  })

  test('runs where it was unpacked', async () => {
    const directory = scratch()
    for (const [name, content] of Object.entries(unpacked(await made()))) {
      mkdirSync(dirname(join(directory, name)), { recursive: true })
      writeFileSync(join(directory, name), content)
    }
    const { exitCode, stdout } = await startNode([join(directory, 'server/mcp-mtls.mjs'), '--version'])
      .finished
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+/) })
  })

  test('has the same bytes whenever and wherever it is made', async () => {
    const script = `
      const { writeBundle } = await import(process.argv[1])
      const { urls, ...options } = JSON.parse(process.argv[2])
      console.log((await writeBundle(process.argv[3], { ...options, urls: urls.map((url) => new URL(url)) })).sha256)`
    const module = new URL('../../dist/desktop/mcpb.js', import.meta.url).href
    const sums = await Promise.all(
      ['UTC', 'Pacific/Auckland', 'America/Los_Angeles'].map(async (TZ) => {
        const args = ['--input-type=module', '--eval', script, module, JSON.stringify(options)]
        const { finished } = startNode([...args, join(scratch(), 'a.mcpb')], { env: { TZ } })
        return (await finished).stdout
      }),
    )
    expect(new Set(sums).size).toBe(1)
    expect(sums[0]).toMatch(/^[0-9a-f]{64}\n$/)
  })

  test('that cannot be written leaves nothing behind', async () => {
    const directory = scratch()
    mkdirSync(join(directory, 'weather.mcpb'))
    await expect(writeBundle(join(directory, 'weather.mcpb'), options)).rejects.toMatchObject({
      code: 'CLIENT_CONFIG_FAILED',
      message: expect.stringMatching(/weather\.mcpb cannot be written \(E\w+\)$/),
    })
    expect(readdirSync(directory)).toEqual(['weather.mcpb'])
  })
})

describe('a bundle that was installed', () => {
  /** Unpacks it, and puts in the places of its manifest what its user has picked, as a client does. */
  async function installed(url: string, picked: Readonly<Record<string, string>>) {
    const directory = scratch()
    const path = await made({ urls: [new URL(url)], args: ['--timeout', '30s'] })
    for (const [name, content] of Object.entries(unpacked(path))) {
      mkdirSync(dirname(join(directory, name)), { recursive: true })
      writeFileSync(join(directory, name), content)
    }
    const { server, user_config } = JSON.parse(readFileSync(join(directory, 'manifest.json'), 'utf8'))
    const filled = (text: string) =>
      text.replace(/\$\{(?:user_config\.)?(\w+)\}/g, (_, name) =>
        name === '__dirname' ? directory : (picked[name] ?? user_config[name].default),
      )
    const { args, env } = server.mcp_config
    const variables = Object.entries<string>(env).map(([name, value]) => [name, filled(value)])
    return { command: process.execPath, args: args.map(filled), env: Object.fromEntries(variables) }
  }

  const picks = ({ certDir }: { certDir: string }) => ({
    client_cert: join(certDir, 'client.crt'),
    client_key: join(certDir, 'client.key'),
    ca_cert: join(certDir, 'ca.crt'),
  })

  test('calls the server over mutual TLS, without a passphrase', async () => {
    await using world = await makeWorld()
    await using server = await serveTest({ tls: world.tls })
    const launch = await installed(server.server.url, picks(world))
    expect(launch.env).toEqual({ TLS_KEY_PASSPHRASE: '' })
    const { ask, end } = await startEntry(launch)
    expect(await ask('tools/list')).toMatchObject({
      tools: [{ name: 'echo' }, { name: 'who' }, { name: 'count' }],
    })
    const called = await ask('tools/call', { name: 'echo', arguments: { text: 'hello' } })
    expect(called).toMatchObject({ content: [{ type: 'text', text: 'hello' }] })
    expect(server.calls).toEqual(['hello'])
    expect(await end()).toBe(0)
  })

  test('of a client that leaves open what its user has left empty', async () => {
    await using world = await makeWorld()
    await using server = await serveTest({ tls: world.tls })
    const passphrase = placed('user_config.passphrase')
    const { ask } = await startEntry(await installed(server.server.url, { ...picks(world), passphrase }))
    expect(await ask('tools/list')).toMatchObject({ tools: [{ name: 'echo' }, {}, {}] })
  })

  test('with a passphrase, and with a wrong one', async () => {
    await using world = await makeWorld()
    await using server = await serveTest({ tls: world.tls })
    const how = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'swordfish' } as const
    writeFileSync(join(world.certDir, 'client.key'), world.client.privateKey.export(how))
    const { ask } = await startEntry(
      await installed(server.server.url, { ...picks(world), passphrase: 'swordfish' }),
    )
    const called = await ask('tools/call', { name: 'echo', arguments: { text: 'hello' } })
    expect(called).toMatchObject({ content: [{ type: 'text', text: 'hello' }] })
    for (const passphrase of ['', 'tuna']) {
      const wrong = await installed(server.server.url, { ...picks(world), passphrase })
      const failed = await startEntry(wrong)
        .then(({ ask }) => ask('tools/list'))
        .catch(String)
      expect(failed).toMatch(/KEY_ENCRYPTED/)
      expect(failed).not.toContain('tuna')
    }
  })
})
