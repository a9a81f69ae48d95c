import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Server } from 'node:net'
import type { ListenPlace } from '../../config/index.js'
import { allowCors } from '../../server/cors.js'
import { type GuardRules, guardProblem, loopbackNames } from '../../server/guard.js'
import { answeredForMethod, pathOf } from '../../server/http.js'
import { closed, listen } from '../../server/listen.js'
import { ExchangeLead, SessionLead } from '../../server/mcp/leads.js'
import { Mount } from '../../server/mcp/mount.js'
import { SdkDispatch } from '../../server/mcp/sdk-dispatch.js'
import { SlowReaders } from '../../server/mcp/write.js'
import { answerRefusal } from '../../server/refuse.js'
import { bracketed } from '../../text/host.js'
import type { Joined, JoinOptions, Started } from '../bridge.js'
import type { FarServer } from '../far-server.js'
import { joinClient } from '../join.js'
import { SharedExchanges } from './shared-exchanges.js'

/** Bytes of the token in the path: nobody guesses 144 bits. */
const tokenBytes = 18
/** What local clients together may have open; the least used go first. */
const sessions = { idle: 30 * 60_000, max: 100, maxPerIdentity: 100 }
/** Milliseconds. */
const headersTimeout = 10_000
const idleTimeout = 60_000
const limits = {
  maxBodyBytes: 64 * 1024 * 1024,
  maxBodyKeys: 1_000_000,
  maxBodyDepth: 1000,
  maxRequestsPerIdentity: 1000,
  idleTimeout,
}
const connectionsAtMost = 1000
const methods = ['POST', 'GET', 'DELETE']

/**
 * Serves remote servers on plain HTTP at a loopback address, under a path that is new each time: whoever knows it calls them with our
 * certificate. Each local session has one of its own at each server. Throws `PORT_IN_USE`, and `CONFIG_INVALID` for an address that is not this machine's.
 */
export async function listenLocally(
  servers: readonly [FarServer, ...FarServer[]],
  { host, port, origin }: ListenPlace,
  options: JoinOptions,
): Promise<Started> {
  const { tell } = options
  const onError = ({ message }: Error) => tell({ event: 'error', message })
  const token = randomBytes(tokenBytes).toString('base64url')
  const exchanges = await SharedExchanges.open(servers, options)
  const joined = new Set<Joined>()
  const join = async (client: Parameters<typeof joinClient>[0]): Promise<void> => {
    const one = await joinClient(client, servers, options)
    joined.add(one)
    void one.closed.then(() => joined.delete(one))
    await one.start()
  }
  const slow = new SlowReaders()
  const dispatch = new SdkDispatch(
    ({ era }) =>
      era === 'modern'
        ? new ExchangeLead((transport) => exchanges.join(transport))
        : new SessionLead((transport) => join(transport)),
    {
      ...limits,
      name: 'bridge',
      sessions,
      perRequest: true,
      onError,
      onCall: () => {},
      onLate: () => {},
      onPerRequest: () => {},
      onRefused: (_reason, message) => tell({ event: 'error', message }),
    },
    slow,
  )
  const mount = new Mount(dispatch, { ...limits, name: 'bridge', onError }, slow)
  const guard: GuardRules = {
    allowedHosts: [...loopbackNames, bracketed(host)],
    coversHost: () => false,
    allowedOrigins: origin === undefined ? [] : [origin],
  }
  const server = createServer(
    { noDelay: true, headersTimeout, requestTimeout: idleTimeout, keepAliveTimeout: idleTimeout },
    (request, response) => {
      if (!isLetIn(request, response, guard, token)) return
      void mount.handle(request, response, { authInfo: undefined, standing: undefined })
    },
  )
  server.maxConnections = connectionsAtMost
  const close = async (twin?: Server) => {
    dispatch.drain()
    const left = [server, ...(twin ? [twin] : [])].map(closed)
    await dispatch.close().catch(onError)
    await Promise.all([...[...joined].map((one) => one.close()), exchanges.close()])
    server.closeAllConnections()
    await Promise.all(left)
  }
  try {
    const twin = await listen(server, port, host)
    const url = `http://${bracketed(host)}:${(server.address() as AddressInfo).port}/${token}`
    let onClosed = () => {}
    const ended = new Promise<void>((resolve) => (onClosed = resolve))
    let closing: Promise<void> | undefined
    return { url, closed: ended, close: () => (closing ??= close(twin).then(onClosed)) }
  } catch (error) {
    await exchanges.close()
    throw error
  }
}

/** Answers what is not for the one path, or not from where it may be asked; returns whether the rest may be answered. */
function isLetIn(
  request: IncomingMessage,
  response: ServerResponse,
  guard: GuardRules,
  token: string,
): boolean {
  const isAllowed = allowCors(request, response, guard.allowedOrigins)
  const problem = guardProblem(request, guard)
  if (problem !== undefined) {
    answerRefusal(response, 403, JSON.stringify({ error: 'forbidden', message: problem }))
    return false
  }
  if (!isSame(pathOf(request), `/${token}`)) {
    answerRefusal(response, 404, JSON.stringify({ error: 'not_found' }))
    return false
  }
  // Browsers ask for it before a page of another network may come here.
  if (isAllowed && request.headers['access-control-request-private-network'] !== undefined)
    response.setHeader('access-control-allow-private-network', 'true')
  return !answeredForMethod(request, response, methods)
}

/** In a time that does not tell how much of it was right. */
function isSame(one: string, other: string): boolean {
  const [first, second] = [one, other].map((text) => createHash('sha256').update(text).digest())
  return first !== undefined && second !== undefined && timingSafeEqual(first, second)
}
