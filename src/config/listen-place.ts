import { z } from 'zod'
import { MtlsError } from '../errors.js'
import { bare, bracketed } from '../text/host.js'
import { urlIn } from '../text/url.js'
import { isLoopback } from './localhost.js'
import type { ShapeOf } from './option-shape.js'
import { parse } from './problems.js'
import { listenPort, text } from './values.js'

/** Where a bridge listens for local clients. */
export interface ListenOptions {
  /** An address of this machine alone; default `127.0.0.1`. */
  readonly host?: string | undefined
  /** Default 0, any free one. */
  readonly port?: number | undefined
  /** The one origin whose pages may call it from a browser, such as `https://app.example`; default none. */
  readonly origin?: string | undefined
}

const originMessage =
  'the origin of a web page is wanted, such as https://app.example: scheme, host and port alone'

/** A loopback host as URLs spell it, so that the one that is printed has the host that clients send. */
function hostIn(typed: string): string | undefined {
  const url = isLoopback(typed) ? urlIn(`http://${bracketed(bare(typed))}`) : undefined
  return url && bare(url.hostname).replace(/\.$/, '')
}

export const listenPlaceSchema = z.strictObject({
  host: text
    .refine(
      (host) => hostIn(host) !== undefined,
      'must be a loopback address: 127.0.0.1, ::1 or localhost. Others need a certificate: see `expose`',
    )
    .transform((host) => hostIn(host) ?? host)
    .default('127.0.0.1'),
  port: listenPort.default(0),
  origin: text.refine((origin) => urlIn(origin)?.origin === origin, originMessage).optional(),
} satisfies ShapeOf<ListenOptions>)

export type ListenPlace = Readonly<z.output<typeof listenPlaceSchema>>

/** `HOST:PORT`, `PORT`, and an origin, as they are typed. Throws `CONFIG_INVALID`. */
export function parseListenPlace(typed: string, origin: string | undefined): ListenPlace {
  const [, host, port] = /^(?:(\[[^\]]*\]|[^:]*):)?(\d{1,5})$/.exec(typed.trim()) ?? []
  if (port === undefined)
    throw new MtlsError('CONFIG_INVALID', `--listen: ${JSON.stringify(typed)} is no HOST:PORT`, {
      hint: 'Write it like --listen 127.0.0.1:8090; port 0 is any free one.',
    })
  return parse(listenPlaceSchema, '--listen', {
    ...(host && { host: bare(host) }),
    port: Number(port),
    ...(origin !== undefined && { origin }),
  })
}
