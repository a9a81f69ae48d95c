import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { type Zippable, zipSync } from 'fflate'
import { packageVersion } from '../config/package-version.js'
import { MtlsError } from '../errors.js'
import { writeDurably } from '../files/durable-write.js'
import { makeDirectories } from '../files/make-directory.js'

export interface BundleOptions {
  readonly name: string
  readonly urls: readonly URL[]
  /** Further arguments of `bridge`, none of which names a place of this machine. */
  readonly args: readonly string[]
  /** The directory of what runs in a bundle. */
  readonly program: string
  /** Files that come along, as a licence. */
  readonly papers: readonly string[]
}

/** A bundle that was written. */
export interface Bundle {
  readonly file: string
  readonly name: string
  readonly version: string
  readonly bytes: number
  readonly sha256: string
}

/**
 * Writes a bundle that desktop clients install (MCPB 0.4, https://github.com/modelcontextprotocol/mcpb): a manifest, and all that runs.
 * The same options give the same bytes, on every machine. Throws `CLIENT_CONFIG_FAILED`.
 */
export async function writeBundle(path: string, options: BundleOptions): Promise<Bundle> {
  const content = zipSync(await filesOf(options), { level: 9, mtime: firstDay(), os: 3, attrs: 0o644 << 16 })
  const aside = join(dirname(path), `.${basename(path)}-${randomBytes(6).toString('hex')}`)
  try {
    makeDirectories(dirname(path))
    await writeDurably(aside, content, { mode: 0o644 })
    await rename(aside, path)
  } catch (cause) {
    await rm(aside, { force: true }).catch(() => undefined)
    throw new MtlsError(
      'CLIENT_CONFIG_FAILED',
      `${path} cannot be written (${(cause as NodeJS.ErrnoException).code})`,
      {
        hint: 'Make room or correct the permissions, or name another file.',
        cause,
      },
    )
  }
  const sha256 = createHash('sha256').update(content).digest('hex')
  return { file: path, name: options.name, version: packageVersion, bytes: content.length, sha256 }
}

/** The first day that a zip knows; it has local times. */
const firstDay = () => new Date(1980, 0, 1)

const script = 'mcp-mtls.mjs'

async function filesOf({ program, papers, ...options }: BundleOptions): Promise<Zippable> {
  const names = (await readdir(program)).filter((name) => name.endsWith('.mjs')).sort()
  const files: [string, Buffer][] = [
    ['manifest.json', Buffer.from(`${JSON.stringify(manifestOf(options), null, 2)}\n`)],
    ...(await Promise.all(
      papers.map(async (paper) => [basename(paper), await readFile(paper)] as [string, Buffer]),
    )),
    ...(await Promise.all(
      names.map(async (name) => [`server/${name}`, await readFile(join(program, name))] as [string, Buffer]),
    )),
  ]
  return Object.fromEntries(files)
}

/** The manifest. Its schema knows no other keys (mcpb-manifest-v0.4.schema.json). */
export function manifestOf({ name, urls, args }: Pick<BundleOptions, 'name' | 'urls' | 'args'>) {
  const hosts = urls.map(({ host }) => host).join(', ')
  return {
    manifest_version: '0.4',
    name,
    display_name: `${name} (mutual TLS)`,
    version: packageVersion,
    description: `MCP at ${hosts}, called with your certificate.`,
    long_description: `Connects to ${urls.map(({ href }) => href).join(' and ')} over mutual TLS: both ends prove who they are with a certificate. Your operator gives you the three files that are asked for.`,
    author: { name: 'The mcp-mtls contributors' },
    license: 'Apache-2.0',
    server: {
      type: 'node',
      entry_point: `server/${script}`,
      mcp_config: {
        command: 'node',
        args: [
          `\${__dirname}/server/${script}`,
          'bridge',
          ...urls.map(({ href }) => href),
          ...Object.entries(files).flatMap(([key, { flag }]) => [flag, `\${user_config.${key}}`]),
          ...args,
        ],
        // An empty one counts as none.
        env: { TLS_KEY_PASSPHRASE: `\${user_config.passphrase}` },
      },
    },
    tools_generated: true,
    prompts_generated: true,
    compatibility: { platforms: ['darwin', 'win32', 'linux'], runtimes: { node: '>=20.19.0' } },
    user_config: {
      ...Object.fromEntries(
        Object.entries(files).map(([key, { title, description }]) => [
          key,
          { type: 'file', title, description, required: true },
        ]),
      ),
      passphrase: {
        type: 'string',
        title: 'Passphrase of the key',
        description: 'Leave it empty when the key is not encrypted.',
        sensitive: true,
        required: false,
        default: '',
      },
    },
  }
}

/** What its user picks. */
const files = {
  client_cert: { flag: '--client-cert', title: 'Your certificate', description: 'client.crt, a PEM file' },
  client_key: {
    flag: '--client-key',
    title: 'The key of your certificate',
    description: 'client.key, a PEM file',
  },
  ca_cert: {
    flag: '--ca-cert',
    title: 'The CA of the server',
    description: 'ca.crt, a PEM file: whose certificates the server may have',
  },
} as const
