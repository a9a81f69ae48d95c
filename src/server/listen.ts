import type { Server as HttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { isLocalhost, localhostAddresses } from '../config/index.js'
import { MtlsError } from '../errors.js'
import { bare } from '../text/host.js'

/** A server that listens on one address or two. */
export interface Listening {
  /** Stops accepting connections; resolves when the open ones have ended. */
  close(): Promise<void>
}

/** How many times to look for a port that is free at both addresses. */
const mostTries = 20

/**
 * Listens at this host; `localhost` means 127.0.0.1 and ::1, as far as this machine has them, on one port. Throws
 * `PORT_IN_USE`, and `CONFIG_INVALID` for a host that is not this machine's. `failed` gets later problems: connections
 * that could not be accepted.
 */
export async function listen(
  server: HttpServer,
  port: number,
  host: string,
  failed: (error: Error) => void,
): Promise<Listening> {
  const listeners = isLocalhost(host) ? await listenAtLocalhost(server, port, host) : [server]
  if (!isLocalhost(host)) await bind(server, port, host, bare(host))
  for (const listener of listeners) listener.on('error', failed)
  return { close: async () => void (await Promise.all(listeners.map(closed))) }
}

async function listenAtLocalhost(server: HttpServer, port: number, host: string): Promise<Server[]> {
  const [first, second] = localhostAddresses
  const twin = twinOf(server)
  for (let left = mostTries; ; left--) {
    try {
      await bind(server, port, host, first)
    } catch (error) {
      if (!isMissing(error)) throw error
      await bind(server, port, host, second)
      return [server]
    }
    try {
      await bind(twin, (server.address() as AddressInfo).port, host, second)
      return [server, twin]
    } catch (error) {
      if (isMissing(error)) return [server]
      server.close()
      const isTaken = error instanceof MtlsError && error.code === 'PORT_IN_USE'
      if (port !== 0 || !isTaken || left === 0) throw error
    }
  }
}

/** A second listener of a server: its connections belong to the server, and count for its `maxConnections`. */
function twinOf(server: HttpServer): Server {
  const twin = createServer({ allowHalfOpen: true, noDelay: true }) // as node:http creates its own
  const limit = server.maxConnections
  const own = new Set<Socket>()
  const ofTwin = new Set<Socket>()
  const share = () => {
    server.maxConnections = limit - ofTwin.size || -1 // Node up to 20 treats 0 as no limit
    twin.maxConnections = limit - own.size || -1
  }
  const count = (sockets: Set<Socket>, socket: Socket) => {
    sockets.add(socket)
    share()
    socket.once('close', () => {
      sockets.delete(socket)
      share()
    })
  }
  share()
  server.prependListener('connection', (socket) => ofTwin.has(socket) || count(own, socket))
  twin.on('connection', (socket) => {
    count(ofTwin, socket)
    server.emit('connection', socket)
  })
  twin.on('drop', (dropped) => server.emit('drop', dropped))
  return twin
}

function bind(listener: Server, port: number, host: string, address = host): Promise<void> {
  return new Promise((resolve, reject) => {
    const at = bare(host) === address ? '' : ` at ${address}`
    const fail = (cause: NodeJS.ErrnoException) => {
      listener.off('listening', done)
      reject(
        cause.code === 'EADDRINUSE'
          ? new MtlsError('PORT_IN_USE', `${host}:${port} is in use by another program${at}`, { cause })
          : new MtlsError('CONFIG_INVALID', `cannot listen on ${host}:${port}${at} (${cause.code})`, {
              cause,
            }),
      )
    }
    const done = () => {
      listener.off('error', fail)
      resolve()
    }
    listener.once('error', fail).once('listening', done).listen(port, address)
  })
}

/** Whether this machine lacks that address. */
function isMissing(error: unknown): boolean {
  const { code } = (error as MtlsError).cause as NodeJS.ErrnoException
  return code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT'
}

function closed(listener: Server): Promise<void> {
  return new Promise((resolve) => listener.close(() => resolve()))
}
