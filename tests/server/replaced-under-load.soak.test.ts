import { EventEmitter, once } from 'node:events'
import { mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { connect, type MtlsClient } from '../../src/client/index.js'
import { CertificateStore } from '../../src/pki/store/store.js'
import { type Forged, type ForgedSet, forge, forgeCa, writeSet } from '../support/forge.js'
import { scratch } from '../support/scratch.js'
import { tier } from '../support/tier.js'
import { serveTest } from '../support/world.js'

const callers = 16
const replacements = tier(3, 300)

/** The usual files of a set, by name. */
function filesOf({
  ca,
  server,
  client,
}: Required<Pick<ForgedSet, 'ca' | 'server' | 'client'>>): Map<string, string> {
  return new Map([
    ['ca.crt', ca.cert],
    ['server.crt', server.cert],
    ['server.key', server.key],
    ['client.crt', client.cert],
    ['client.key', client.key],
  ])
}

/** Ways in which certificate files are replaced on this earth. */
const writers: Record<string, (directory: string, files: Map<string, string>) => Promise<unknown>> = {
  'our store': async (directory, files) => {
    const store = new CertificateStore(directory)
    await store.exclusively(() => store.commit(files))
  },
  'plain files copied one by one': async (directory, files) => {
    await mkdir(directory, { recursive: true })
    for (const [name, text] of files) await writeFile(join(directory, name), text)
  },
  'the symlink of a Kubernetes secret': async (directory, files) => {
    const version = `..${crypto.randomUUID()}`
    await mkdir(join(directory, version), { recursive: true })
    for (const [name, text] of files) await writeFile(join(directory, version, name), text)
    await symlink(version, join(directory, '..data_tmp'))
    await rename(join(directory, '..data_tmp'), join(directory, '..data'))
    for (const name of files.keys())
      await symlink(join('..data', name), join(directory, name)).catch(() => undefined)
  },
}

async function leaves(ca: Forged): Promise<{ server: Forged; client: Forged }> {
  const [server, client] = await Promise.all([
    forge({ issuer: ca, usage: 'server', commonName: 'mcp-server' }),
    forge({ issuer: ca, usage: 'client', commonName: 'mcp-client' }),
  ])
  return { server, client }
}

/** Calls without a pause until told to stop; what fails is kept. */
function keepBusy(clients: readonly MtlsClient[]): {
  /** Resolves when so many calls more were answered. */
  more(calls: number): Promise<void>
  stop(): Promise<{ calls: number; failures: unknown[] }>
} {
  const failures: unknown[] = []
  const answered = new EventEmitter()
  let calls = 0
  let running = true
  const caller = async (client: MtlsClient) => {
    while (running) {
      await client.callTool({ name: 'count', arguments: {} }).catch((error) => failures.push(error))
      answered.emit('call', ++calls)
    }
  }
  const all = Array.from({ length: callers }, (_, index) =>
    caller(clients[index % clients.length] as MtlsClient),
  )
  return {
    more: async (wanted) => {
      for (const enough = calls + wanted; calls < enough; ) await once(answered, 'call')
    },
    stop: async () => {
      running = false
      await Promise.all(all)
      return { calls, failures }
    },
  }
}

describe('16 busy callers notice nothing', () => {
  for (const [how, write] of Object.entries(writers)) {
    test(`while certificates are replaced again and again by ${how}`, async () => {
      const certDir = scratch()
      const ca = await forgeCa()
      await write(certDir, filesOf({ ca, ...(await leaves(ca)) }))
      await using served = await serveTest({ tls: { certDir } })
      const open = () =>
        connect({ serverUrl: served.server.url, tls: { certDir }, log: false, retryAttempts: 0 })
      const clients = await Promise.all([open(), open(), open(), open()])
      const busy = keepBusy(clients)
      let last = await leaves(ca)
      for (let round = 0; round < replacements; round++) {
        last = await leaves(ca)
        await write(certDir, filesOf({ ca, ...last }))
        await busy.more(20)
      }
      await served.server.reload()
      const { calls, failures } = await busy.stop()
      expect(failures).toEqual([])
      expect(calls).toBeGreaterThan(100)
      await using fresh = await open()
      expect(fresh.connection()?.peerCertificate?.serial).toBe(last.server.serial)
      expect(served.server.connections().at(-1)?.peerCertificate?.serial).toBe(last.client.serial)
      await Promise.all(clients.map((client) => client.close()))
    })
  }

  test('through a whole rotation of the CA', async () => {
    const certDir = scratch()
    const store = new CertificateStore(certDir)
    const [before, after] = await Promise.all([
      forgeCa({ commonName: 'Old CA' }),
      forgeCa({ commonName: 'New CA' }),
    ])
    const oldLeaves = await leaves(before)
    const newLeaves = await leaves(after)
    const both = { ...after, cert: `${after.cert}${before.cert}` }
    const stages = [
      { ca: before, ...oldLeaves },
      { ca: both, ...oldLeaves },
      { ca: both, ...newLeaves },
      { ca: after, ...newLeaves },
    ]
    const write = (stage: (typeof stages)[number]) => store.exclusively(() => store.commit(filesOf(stage)))
    await write(stages[0] as (typeof stages)[number])
    await using served = await serveTest({ tls: { certDir } })
    const open = () =>
      connect({ serverUrl: served.server.url, tls: { certDir }, log: false, retryAttempts: 0 })
    const clients = await Promise.all([open(), open(), open(), open()])
    const busy = keepBusy(clients)
    for (const stage of stages.slice(1)) {
      await write(stage)
      // Everybody has taken up a stage before the next begins, as an operator would see to.
      await Promise.all([served.server.reload(), ...clients.map((client) => client.reload())])
      await busy.more(100)
    }
    const { calls, failures } = await busy.stop()
    expect(failures).toEqual([])
    expect(calls).toBeGreaterThan(100)
    await using fresh = await open()
    expect(fresh.connection()?.peerCertificate?.issuer).toBe('CN=New CA')
    await Promise.all(clients.map((client) => client.close()))
  })

  test('the old certificate opens nothing once the rotation is finished', async () => {
    const certDir = scratch()
    const strangerDir = scratch()
    const [before, after] = await Promise.all([
      forgeCa({ commonName: 'Old CA' }),
      forgeCa({ commonName: 'New CA' }),
    ])
    await writeSet(certDir, { ca: after, ...(await leaves(after)) })
    await writeSet(strangerDir, { ca: after, client: (await leaves(before)).client })
    await using served = await serveTest({ tls: { certDir } })
    await expect(
      connect({ serverUrl: served.server.url, tls: { certDir: strangerDir }, log: false }),
    ).rejects.toMatchObject({ code: 'CLIENT_CERT_REJECTED' })
  })
})
