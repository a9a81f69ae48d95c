import { connect, type Socket } from 'node:net'
import { waysTo } from '../../config/index.js'
import { hostPort } from '../../text/host.js'
import type { OpenOptions } from './open-tls.js'

type Target = Pick<OpenOptions, 'host' | 'port' | 'signal'>

/** What a server answers to plain HTTP, undefined if it does not answer. */
export async function answerToPlainHttp(
  { host, port, signal }: Target,
  path: string,
): Promise<{ readonly status: number; readonly text: string } | undefined> {
  const socket = connect({ host, port, ...waysTo(host), ...(signal && { signal }) })
  socket.write(`GET ${path} HTTP/1.1\r\nHost: ${hostPort({ host, port })}\r\nConnection: close\r\n\r\n`)
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk) => {
    text += chunk
    if (text.length > 4096) socket.destroy()
  })
  await closed(socket, 3000)
  const [, status] = /^HTTP\/1\.\d (\d{3})/.exec(text) ?? []
  return status === undefined ? undefined : { status: Number(status), text }
}

/** After how many milliseconds a server ends a stalled handshake; undefined when it waits longer. */
export async function cutsSlowHandshake(target: Target, waitMs: number): Promise<number | undefined> {
  const { host, port, signal } = target
  const begun = performance.now()
  const socket = connect({ host, port, ...waysTo(host), ...(signal && { signal }) })
  // The first bytes of a record with a ClientHello, and nothing after them.
  socket.write(Buffer.from([22, 3, 1, 2, 0, 1, 0]))
  socket.resume()
  return (await closed(socket, waitMs)) ? Math.round(performance.now() - begun) : undefined
}

/** Whether the connection ended within the time; after that it is closed anyway. */
async function closed(socket: Socket, waitMs: number): Promise<boolean> {
  const inTime = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), waitMs)
    socket.on('error', () => {})
    socket.once('close', () => {
      clearTimeout(timer)
      resolve(true)
    })
  })
  socket.destroy()
  return inTime
}
