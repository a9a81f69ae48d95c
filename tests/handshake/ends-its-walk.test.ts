import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { startNode } from '../support/cli.js'
import { type Forged, forge, forgeCa, writeSet } from '../support/forge.js'
import { scratch } from '../support/scratch.js'

// Node's walk from a certificate to its issuers goes round for ever over CAs that signed each other. It blocks its
// thread, so each set is served and called in a process, which is killed when it does not come back.

const program = fileURLToPath(new URL('fixtures/serve-and-call.mjs', import.meta.url))

async function answers(ca: readonly Forged[], server: Forged, clients: readonly Forged[]): Promise<unknown> {
  const bundle = { ...(ca[0] as Forged), cert: ca.map(({ cert }) => cert).join('') }
  const directory = scratch()
  await writeSet(directory, { ca: bundle, server })
  const directories = clients.map(() => scratch())
  for (const [index, client] of clients.entries())
    await writeSet(directories[index] as string, { ca: bundle, client })
  const { process, finished } = startNode([program, directory, ...directories])
  const guard = setTimeout(() => process.kill('SIGKILL'), 60_000)
  const { stdout, stderr, signal } = await finished
  clearTimeout(guard)
  expect({ signal, stderr }).toEqual({ signal: null, stderr: '' })
  return JSON.parse(stdout)
}

function orders<One>(all: readonly One[]): One[][] {
  if (all.length < 2) return [[...all]]
  return all.flatMap((first, index) => orders(all.toSpliced(index, 1)).map((rest) => [first, ...rest]))
}

test('over the certificates of a CA that changed its key (RFC 4210 section 4.4), in whatever order they stand', async () => {
  const name = { commonName: 'Rollover CA' }
  const [old, renewed] = [await forgeCa(name), await forgeCa(name)]
  const oldWithNew = await forgeCa({ ...name, keyOf: old, issuer: renewed })
  const newWithOld = await forgeCa({ ...name, keyOf: renewed, issuer: old })
  const server = await forge({ issuer: renewed, usage: 'server' })
  const stranger = { ...(await forgeCa(name)), subject: old.subject, keyId: old.keyId }
  const clients = await Promise.all([old, renewed, stranger].map((issuer) => forge({ issuer })))
  const sets = orders([old, renewed, oldWithNew, newWithOld])
  for (const set of sets.filter((_, index) => index % 4 === 0))
    expect(await answers(set, server, clients)).toEqual([200, 200, 'CERT_INVALID'])
})

test('over two CAs that signed each other', async () => {
  const [one, other] = [await forgeCa({ commonName: 'One' }), await forgeCa({ commonName: 'Other' })]
  const oneByOther = await forgeCa({ commonName: 'One', keyOf: one, issuer: other })
  const otherByOne = await forgeCa({ commonName: 'Other', keyOf: other, issuer: one })
  const server = await forge({ issuer: one, usage: 'server' })
  const clients = await Promise.all([one, other].map((issuer) => forge({ issuer })))
  expect(await answers([oneByOther, otherByOne, one, other], server, clients)).toEqual([200, 200])
  expect(await answers([oneByOther, otherByOne, one], server, clients)).toEqual([200, 200])
})
