import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { unzipSync } from 'fflate'
import { parseSync } from 'oxc-parser'
import { describe, expect, test } from 'vitest'
import { type BundleOptions, writeBundle } from '../../src/desktop/mcpb.js'
import { startNode } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

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
