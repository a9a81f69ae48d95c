import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Health, readiness } from './health.js'
import type { ServerMetrics } from './metrics.js'

export interface Observed {
  readonly health: () => Health
  readonly metrics: ServerMetrics
  /** Whether the client has shown a certificate, and may see what is about peers. */
  readonly about: 'peers' | 'own'
}

interface Page {
  readonly status: number
  readonly type: string
  readonly body: string
}

/** The pages for operators and their tools, by path. */
const pages: Readonly<Record<string, (observed: Observed) => Page | Promise<Page>>> = {
  '/health': ({ health }) => healthPage(health()),
  '/livez': () => json(200, { status: 'ok' }),
  '/readyz': ({ health }) => {
    const { ready, checks } = readiness(health())
    return json(ready ? 200 : 503, { status: ready ? 'ok' : 'not ready', checks })
  },
  '/metrics': async ({ metrics, about }) => ({
    status: 200,
    type: metrics.contentType,
    body: await metrics.text(about),
  }),
}

export const pagePaths: readonly string[] = Object.keys(pages)

/** Answers GET and HEAD of one of `pagePaths`. Throws `TypeError` for another path. */
export async function servePage(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  observed: Observed,
): Promise<void> {
  const page = pages[path]
  if (!page) throw new TypeError(`${path} is no page`)
  const { status, type, body } = await page(observed)
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
  })
  response.end(request.method === 'HEAD' ? undefined : body)
}

/** 503 when the server should get no new requests. */
function healthPage(health: Health): Page {
  return json(health.status === 'draining' ? 503 : 200, health)
}

function json(status: number, value: unknown): Page {
  return { status, type: 'application/json', body: JSON.stringify(value) }
}
