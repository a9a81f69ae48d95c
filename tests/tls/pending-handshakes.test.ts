import { once } from 'node:events'
import { type AddressInfo, connect, createServer, Socket } from 'node:net'
import { expect, test } from 'vitest'
import type { MtlsError } from '../../src/errors.js'
import { PendingHandshakes } from '../../src/tls/pending-handshakes.js'

function tracked(maxConnectionsPerAddress: number) {
  const failures: { address: string; error: MtlsError }[] = []
  const limits = { handshakeTimeout: 5000, maxConnectionsPerAddress }
  const pending = new PendingHandshakes(limits, (address, error) => failures.push({ address, error }))
  return { pending, failures }
}

async function pairs(count: number) {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const made: { near: Socket; far: Socket }[] = []
  for (let index = 0; index < count; index++) {
    const far = connect(port, '127.0.0.1')
    const [near] = (await once(server, 'connection')) as [Socket]
    near.resume()
    made.push({ near, far })
  }
  server.close()
  return made
}

test('a handshake that ends is told once, with the address of its peer', async () => {
  const { pending, failures } = tracked(10)
  const [pair] = await pairs(1)
  if (!pair) throw new Error('no connection')
  pending.begin(pair.near)
  const { port } = pair.far.address() as AddressInfo
  pair.far.destroy()
  await once(pair.near, 'close')
  expect(failures).toHaveLength(1)
  expect(failures[0]).toMatchObject({
    address: `127.0.0.1:${port}`,
    error: { code: 'TLS_HANDSHAKE_FAILED', message: expect.stringContaining('closed the connection') },
  })
})

test('a handshake that is finished is not told when its connection ends', async () => {
  const { pending, failures } = tracked(10)
  const [pair] = await pairs(1)
  if (!pair) throw new Error('no connection')
  pending.begin(pair.near)?.finish()
  pair.far.destroy()
  await once(pair.near, 'close')
  expect(failures).toEqual([])
})

test('one address may have so many unfinished handshakes, and gets its places back', async () => {
  const { pending, failures } = tracked(2)
  const [first, second, third, fourth] = await pairs(4)
  if (!first || !second || !third || !fourth) throw new Error('no connection')
  const [begun, , refused] = [first, second, third].map(({ near }) => pending.begin(near))
  expect(refused).toBeUndefined()
  await once(third.near, 'close')
  // What TLS says about a socket that we destroyed ourselves is not the reason.
  expect(failures.map(({ error }) => error.code)).toEqual(['CONNECTION_FAILED'])
  expect(failures[0]?.error.message).toContain('too many unfinished handshakes')
  begun?.finish()
  pending.begin(fourth.near)
  expect(fourth.near.destroyed).toBe(false)
  pending.destroyAll()
  await Promise.all([once(second.near, 'close'), once(fourth.near, 'close')])
  expect(failures).toHaveLength(3)
  first.near.destroy()
})

test('sockets that were gone before they were looked at do not take places for ever', async () => {
  const { pending, failures } = tracked(1)
  for (let index = 0; index < 3; index++) {
    const [one, other] = [new Socket(), new Socket()]
    pending.begin(one)
    pending.begin(other)
    const closed = Promise.all([once(one, 'close'), once(other, 'close')])
    pending.destroyAll()
    one.destroy()
    await closed
  }
  expect(failures).toHaveLength(6)
  const last = new Socket()
  pending.begin(last)
  expect(last.destroyed).toBe(false)
  last.destroy()
})
