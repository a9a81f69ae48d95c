import { connect, type MtlsClient } from '../../client/index.js'
import { parseClientConfig, type Settings } from '../../config/index.js'
import { materialSource } from '../../tls/material/source.js'
import type { Io } from '../io/io.js'
import { printable, writeLines } from '../io/output.js'
import { untilSignal } from '../io/signals.js'
import { clientOptionsOf } from '../options/one-server.js'
import { tellFailure } from './failure.js'
import type { ServerFlags } from './options.js'
import { answersTo, capabilities } from './questions.js'
import { Tap } from './tap.js'
import { rootsOf, type Target, type Targeted, targetOf } from './target.js'
import { Teller } from './teller.js'
import { Terminal } from './terminal.js'
import { TimeLimit } from './time-limit.js'

/** A connection to the server that a command names. */
export interface Session {
  readonly client: MtlsClient
  readonly target: Target
  /** The words behind the server. */
  readonly words: readonly string[]
  readonly tap: Tap
  readonly teller: Teller
  /** For each request: the time limit and Ctrl-C end it. */
  readonly options: { readonly signal: AbortSignal; readonly timeout: number }
}

export interface SessionFlags extends ServerFlags {
  readonly root?: readonly string[]
}

/** As long as timers go: ours stands still while a person is asked, the SDK's does not. */
const noLimit = 2 ** 31 - 1

/**
 * Connects, does the work, and leaves. What the server does not do is told, with the exit code for it; throws what is wrong with our
 * own files and with what was typed.
 */
export async function inSession(
  words: readonly string[],
  flags: SessionFlags,
  settings: Settings,
  io: Io,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const targeted = targetOf(words, flags, settings, io)
  const options = clientOptionsOf(targeted.target.entry, settings)
  const { useTls, tls } = parseClientConfig(options)
  // Once our own files are in order, whatever is said of certificates comes from the server.
  if (useTls) await materialSource(tls, 'client').load(undefined)
  writeLines(
    io.stderr,
    targeted.notices.map((notice) => `note: ${printable(notice)}`),
  )
  await untilSignal(io, async (signal) => {
    try {
      await connected(targeted, { options, flags, settings, io, signal }, work)
    } catch (error) {
      if (signal.aborted) throw error
      tellFailure(error, io, flags.json === true)
    }
  })
}

interface Circumstances {
  readonly options: ReturnType<typeof clientOptionsOf>
  readonly flags: SessionFlags
  readonly settings: Settings
  readonly io: Io
  readonly signal: AbortSignal
}

async function connected(
  { target, words }: Targeted,
  { options, flags, settings, io, signal }: Circumstances,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  const teller = new Teller(io)
  const limit = new TimeLimit(settings.timeoutMs, target.entry.url)
  limit.pause() // connecting has a limit of its own
  const ended = AbortSignal.any([signal, limit.signal])
  const terminal = new Terminal(io, teller, ended)
  try {
    const client = await connect({
      ...options,
      clientOptions: { capabilities },
      handlers: {
        ...answersTo({ terminal, limit, server: printable(target.name), roots: rootsOf(flags.root, io) }),
        'notifications/message': ({ params }) => teller.log(params),
      },
      log: false,
      onSecurityEvent: (event) => {
        if (event.event === 'verification-relaxed')
          teller.lines([
            `warning: demo mode: the certificate of ${printable(target.name)} was not verified (${event.relaxed.join(', ')})`,
          ])
      },
      signal,
    })
    const tap = new Tap(client, (progress) => teller.progress(progress))
    limit.resume()
    try {
      await work({ client, target, words, tap, teller, options: { signal: ended, timeout: noLimit } })
    } finally {
      teller.clear()
      // A call that was given up is cancelled by a message of its own, in the older revisions.
      await tap.sent()
      await client.close()
    }
  } finally {
    limit.end()
    terminal.end()
  }
}
