import { MtlsError } from '../errors.js'

const lost = new WeakSet<MtlsError>()

/**
 * Whether a server says, in answer to a request of a session, that it does not know the session: it has not run the request.
 * MCP 2025-03-26, "Session Management": 404. Many servers, written after an example of the SDK, say 400 and why.
 */
export async function saysSessionIsLost(response: Response): Promise<boolean> {
  if (response.status === 404) return true
  if (response.status !== 400) return false
  return /no valid session/i.test(await beginningOf(response.clone().body))
}

const longestBeginning = 1000

/** Of the copy of a body, whose end nobody may wait for: it comes with that of the other one. */
async function beginningOf(body: ReadableStream<Uint8Array> | null): Promise<string> {
  const reader = body?.getReader()
  let beginning = Buffer.alloc(0)
  try {
    while (reader && beginning.length < longestBeginning) {
      const { done, value } = await reader.read()
      if (done) break
      beginning = Buffer.concat([beginning, value])
    }
  } catch {} // whoever reads the other one hears of it
  reader?.cancel().catch(() => {})
  return beginning.toString('utf8', 0, longestBeginning)
}

/** That a server, `host:port`, does not know the session of a request. */
export function lostSession(host: string): MtlsError {
  const failure = new MtlsError(
    'CONNECTION_FAILED',
    `the server at ${host} does not know this session any more`,
    {
      hint: 'It does not keep the sessions that it opens: look at its log. Several servers behind one address must share sessions.',
      sent: 'no',
    },
  )
  lost.add(failure)
  return failure
}

export function isLostSession(error: unknown): boolean {
  return error instanceof MtlsError && lost.has(error)
}
