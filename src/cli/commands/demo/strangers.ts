import { request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { text } from 'node:stream/consumers'
import type { MtlsErrorCode } from '../../../errors.js'
import type { ClientIdentity } from '../../../probe/connect/open-tls.js'
import type { RunningServer, SecurityEvent } from '../../../server/index.js'
import type { DemoCertificates } from './certificates.js'

/** A client that must be rejected, and what happened to it. */
export interface Refusal {
  readonly who: string
  readonly expected: MtlsErrorCode
  /** What the client was told; undefined when the connection was just closed. */
  readonly told: string | undefined
  /** The event that the server recorded; undefined if none. */
  readonly logged: string | undefined
  /** Refused for the expected reason, as seen from both sides. */
  readonly ok: boolean
}

interface Stranger {
  readonly who: string
  readonly expected: MtlsErrorCode
  readonly plaintext?: boolean
  readonly pair?: ClientIdentity
}

function strangers({
  otherCa,
  selfSigned,
  expired,
  serverAsClient,
}: DemoCertificates['strangers']): Stranger[] {
  return [
    { who: 'no certificate', expected: 'CLIENT_CERT_REQUIRED' },
    { who: 'certificate of another CA', expected: 'CLIENT_CERT_REJECTED', pair: otherCa },
    { who: 'self-signed certificate', expected: 'CLIENT_CERT_REJECTED', pair: selfSigned },
    { who: 'certificate that expired', expected: 'CERT_EXPIRED', pair: expired },
    { who: "a server's certificate", expected: 'CERT_INVALID', pair: serverAsClient },
    { who: 'plain HTTP on the TLS port', expected: 'NOT_TLS', plaintext: true },
  ]
}

/** Sends the strangers to `server` one after another, each with a tool call that must be rejected. */
export async function tryStrangers(
  server: RunningServer,
  certificates: DemoCertificates,
  nextRefusal: () => Promise<SecurityEvent>,
): Promise<Refusal[]> {
  const refusals: Refusal[] = []
  for (const { who, expected, pair, plaintext = false } of strangers(certificates.strangers)) {
    const event = nextRefusal()
    const told = plaintext
      ? await plainly(server.port)
      : await overTls(server.port, certificates.ca.certificate, pair)
    const noted = await event
    const logged = 'reason' in noted ? noted.reason : undefined
    const ok = logged === expected && (plaintext ? told === undefined : told === expected)
    refusals.push({ who, expected, told, logged, ok })
  }
  return refusals
}

const call = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'echo', arguments: { text: 'let me in' } },
})
const headers = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
  'content-length': call.length,
}

async function overTls(
  port: number,
  ca: string,
  pair: ClientIdentity | undefined,
): Promise<string | undefined> {
  return reasonOf((resolve, reject) =>
    httpsRequest(
      { host: 'localhost', port, path: '/mcp', method: 'POST', headers, agent: false, ca, ...pair },
      resolve,
    )
      .on('error', reject)
      .end(call),
  )
}

async function plainly(port: number): Promise<string | undefined> {
  return reasonOf((resolve, reject) =>
    httpRequest({ host: 'localhost', port, path: '/mcp', method: 'POST', headers, agent: false }, resolve)
      .on('error', reject)
      .end(call),
  )
}

/** The reason in the answer, `answered` if the answer is not a refusal, undefined if there was no answer. */
async function reasonOf(
  send: (resolve: (response: IncomingMessage) => void, reject: (error: Error) => void) => void,
): Promise<string | undefined> {
  try {
    const response = await new Promise(send)
    const body = await text(response)
    return response.statusCode === 403 ? String(JSON.parse(body).reason) : 'answered'
  } catch {
    return undefined
  }
}
