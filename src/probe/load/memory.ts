import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { openConnection } from './opened-connection.js'
import { type Place, ServerUnderTest, type Transport } from './server-under-test.js'
import type { Progress } from './target.js'

/** What the first connections set up once for all is not counted. */
const warmUp = 50

/** Bytes of an idle connection that had its first answer: what a server that does nothing else keeps resident. */
export async function memoryPerConnection(
  transport: Transport,
  place: Place,
  secureContext: SecureContext | undefined,
  connections: number,
  signal: AbortSignal,
  progress: Progress,
): Promise<number> {
  await using server = await ServerUnderTest.start(transport, place)
  const sockets: Socket[] = []
  const open = async (count: number) => {
    for (let index = 0; index < count; index++) {
      signal.throwIfAborted()
      progress(index / count, `memory of ${connections} idle connections`)
      sockets.push((await openConnection(server.url, secureContext)).socket)
    }
  }
  try {
    await open(warmUp)
    const before = await server.usage('collect')
    await open(connections)
    const after = await server.usage('collect')
    return Math.round((after.resident - before.resident) / connections)
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}
