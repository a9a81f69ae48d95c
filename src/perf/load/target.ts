import type { ConnectionOptions, SecureContext } from 'node:tls'
import type { TlsOptions } from '../../config/index.js'
import { MtlsError } from '../../errors.js'
import { type RecordedCall, recordCall } from './recorded-call.js'
import { type OwnServerFiles, ServerUnderTest, type Transport } from './server-under-test.js'

/** Servers started for this test, which end with it. */
export interface OwnServers extends OwnServerFiles {
  readonly kind: 'own'
}

/** Existing servers: one MCP server over mTLS and, for comparison, the same over plain HTTP on loopback. */
export interface GivenServers {
  readonly kind: 'given'
  readonly mtlsUrl: URL
  readonly httpUrl?: URL | undefined
  readonly tls: TlsOptions
  /** The identities of which the one over mTLS must have one, instead of its name. */
  readonly serverIds?: readonly string[] | undefined
}

/** What Node asks of the server's certificate, beside its chain. */
export type ServerIdentityCheck = NonNullable<ConnectionOptions['checkServerIdentity']>

/** One server to measure, over one transport. */
export interface Target {
  readonly transport: Transport
  readonly url: URL
  readonly call: RecordedCall
  /** With mTLS. */
  readonly secureContext: SecureContext | undefined
  /** Instead of that of the host, where the server was asked for by its identity. */
  readonly checkServerIdentity?: ServerIdentityCheck | undefined
  /** A process we started and can ask what it uses; undefined for a URL. */
  readonly server: ServerUnderTest | undefined
}

/** What is being measured, and the overall progress, 0 to 1. */
export type Progress = (done: number, what: string) => void

export const transportNames: Readonly<Record<Transport, string>> = { http: 'HTTP', mtls: 'mTLS' }

export interface Targets extends AsyncDisposable {
  /** Plain HTTP first, if there is one. */
  readonly all: readonly Target[]
  readonly mtls: Target
}

/** Starts the servers if needed and calls each once. Throws what `recordCall` throws, and `CONFIG_INVALID`. */
export async function openTargets(
  servers: OwnServers | GivenServers,
  tls: TlsOptions,
  secureContext: SecureContext,
  signal: AbortSignal,
): Promise<Targets> {
  const started: ServerUnderTest[] = []
  const stop = async () => {
    await Promise.all(started.map((server) => server[Symbol.asyncDispose]()))
  }
  const start = async (transport: Transport, files: OwnServerFiles) => {
    const server = await ServerUnderTest.start(transport, files)
    started.push(server)
    signal.throwIfAborted()
    return server
  }
  const serverIds = servers.kind === 'given' ? servers.serverIds : undefined
  const open = async (transport: Transport, given: URL | undefined): Promise<Target> => {
    const server = servers.kind === 'own' ? await start(transport, servers) : undefined
    const url = server?.url ?? (given as URL)
    const secured = transport === 'mtls'
    const call = await recordCall(url, secured ? tls : undefined, signal, secured ? serverIds : undefined)
    const { fingerprint256 = '' } = call.connection?.peerCertificate ?? {}
    return {
      transport,
      url,
      call,
      secureContext: secured ? secureContext : undefined,
      checkServerIdentity: secured && serverIds ? sameCertificate(fingerprint256) : undefined,
      server,
    }
  }
  try {
    const { httpUrl, mtlsUrl } = servers.kind === 'given' ? servers : {}
    const http = servers.kind === 'own' || httpUrl ? await open('http', httpUrl) : undefined
    const mtls = await open('mtls', mtlsUrl)
    if (http && http.call.title !== mtls.call.title)
      throw new MtlsError(
        'CONFIG_INVALID',
        `${http.url} and ${mtls.url} are not the same server: one offers ${http.call.title}, the other ${mtls.call.title}`,
        { hint: 'Give the URLs of one MCP server, once over plain HTTP and once over mTLS.' },
      )
    return { all: http ? [http, mtls] : [mtls], mtls, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Our own client has judged this certificate; Node's knows no identities. */
function sameCertificate(fingerprint256: string): ServerIdentityCheck {
  return (host, certificate) =>
    certificate.fingerprint256?.replaceAll(':', '').toLowerCase() === fingerprint256
      ? undefined
      : new Error(`${host} shows another certificate than before`)
}
