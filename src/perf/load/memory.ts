import type { Socket } from 'node:net'
import type { SecureContext } from 'node:tls'
import { openConnection } from './opened-connection.js'
import { type OwnServerFiles, ServerUnderTest, type Transport } from './server-under-test.js'
import type { Progress } from './target.js'

/** Opened and closed beforehand: what the first connections set up once, including the young heap, is not counted. */
const warmUp = 300

/** Resident bytes per idle connection after its first answer, on a server that does nothing else. */
export async function memoryPerConnection(
  transport: Transport,
  files: OwnServerFiles,
  secureContext: SecureContext | undefined,
  connections: number,
  signal: AbortSignal,
  progress: Progress,
): Promise<number> {
  await using server = await ServerUnderTest.start(transport, files)
  const sockets: Socket[] = []
  try {
    for (let count = 0; count < warmUp; count++) {
      signal.throwIfAborted()
      ;(await openConnection(server.url, secureContext)).socket.destroy()
    }
    const before = await server.usage('collect')
    for (let count = 0; count < connections; count++) {
      signal.throwIfAborted()
      progress(count / connections, 'memory of idle connections')
      sockets.push((await openConnection(server.url, secureContext)).socket)
    }
    const after = await server.usage('collect')
    return Math.round((after.resident - before.resident) / connections)
  } finally {
    for (const socket of sockets) socket.destroy()
  }
}
