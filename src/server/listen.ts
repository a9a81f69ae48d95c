import type { Server as HttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { isLocalhost, localhostAddresses } from '../config/index.js'
import { MtlsError } from '../errors.js'
import { bare } from '../text/host.js'

/** How a server comes to an address and leaves it; the errors are those of Node, and come to this caller alone. */
export interface Binding {
  bind(port: number, address: string): Promise<void>
  unbind(): Promise<void>
}

/** How many times to look for a port that is free at both addresses. */
const mostTries = 20

/**
 * Binds a server to this host, through `binding`; `localhost` means 127.0.0.1 and ::1, as far as this machine has them, on
 * one port. Returns the listener at the second address, if there is one. Throws `PORT_IN_USE`, and `CONFIG_INVALID` for a
 * host that is not this machine's.
 */
export async function listen(
  server: HttpServer,
  port: number,
  host: string,
  binding: Binding = bindingOf(server),
): Promise<Server | undefined> {
  if (isLocalhost(host)) return listenAtLocalhost(server, port, host, binding)
  await explained(binding, port, host, bare(host))
  return undefined
}

async function listenAtLocalhost(
  server: HttpServer,
  port: number,
  host: string,
  binding: Binding,
): Promise<Server | undefined> {
  const [first, second] = localhostAddresses
  for (let left = mostTries; ; left--) {
    try {
      await explained(binding, port, host, first)
    } catch (error) {
      if (!isMissing(error)) throw error
      await explained(binding, port, host, second)
      return undefined
    }
    const twin = twinOf(server)
    try {
      await explained(bindingOf(twin), (server.address() as AddressInfo).port, host, second)
      return twin
    } catch (error) {
      twin.emit('close')
      if (isMissing(error)) return undefined
      await binding.unbind()
      const isTaken = error instanceof MtlsError && error.code === 'PORT_IN_USE'
      if (port !== 0 || !isTaken || left === 0) throw error
    }
  }
}

/**
 * A second listener of a server, until it closes: its connections belong to the server, and count for its
 * `maxConnections`.
 */
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
  const countOwn = (socket: Socket) => void (ofTwin.has(socket) || count(own, socket))
  share()
  server.prependListener('connection', countOwn)
  twin.on('connection', (socket) => {
    count(ofTwin, socket)
    server.emit('connection', socket)
  })
  twin.on('drop', (dropped) => server.emit('drop', dropped))
  twin.once('close', () => {
    server.off('connection', countOwn)
    server.maxConnections = limit
  })
  return twin
}

function bindingOf(listener: Server): Binding {
  return {
    bind: (port, address) =>
      new Promise((resolve, reject) => {
        const fail = (cause: Error) => {
          listener.off('listening', done)
          reject(cause)
        }
        const done = () => {
          listener.off('error', fail)
          resolve()
        }
        listener.once('error', fail).once('listening', done).listen(port, address)
      }),
    unbind: () => closed(listener),
  }
}

/** Binds, and says in our words what went wrong. */
async function explained(binding: Binding, port: number, host: string, address: string): Promise<void> {
  try {
    await binding.bind(port, address)
  } catch (thrown) {
    const cause = thrown as NodeJS.ErrnoException
    const at = bare(host) === address ? '' : ` at ${address}`
    throw cause.code === 'EADDRINUSE'
      ? new MtlsError('PORT_IN_USE', `${host}:${port} is in use by another program${at}`, { cause })
      : new MtlsError('CONFIG_INVALID', `cannot listen on ${host}:${port}${at} (${cause.code})`, { cause })
  }
}

/** Whether this machine lacks that address. */
function isMissing(error: unknown): boolean {
  const { code } = (error as MtlsError).cause as NodeJS.ErrnoException
  return code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT'
}

/** Stops accepting; resolves when the open connections have ended. */
export function closed(listener: Server): Promise<void> {
  return new Promise((resolve) => listener.close(() => resolve()))
}
