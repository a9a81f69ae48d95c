import type { Completion, Open, Peer, Way } from './clients.js'

type Arguments = Record<string, unknown>

/** What is done with one server program: how a server is reached, and by whose client, makes no difference to it. */
export interface Script {
  /** What each tool is called with, one call after the other; a tool that is not here is an error. */
  readonly tools: Readonly<Record<string, readonly Arguments[]>>
  readonly prompts?: Readonly<Record<string, readonly Record<string, string>[]>>
  readonly completions?: readonly Completion[]
  /** Resources to read besides those that are listed. */
  readonly resources?: readonly string[]
  /** A call that is given up at its first progress. */
  readonly cancelled?: { readonly name: string; readonly args: Arguments }
  readonly before?: (peer: Peer, note: Note) => Promise<unknown>
  readonly after?: (peer: Peer, note: Note) => Promise<unknown>
  /** How many log messages, and how many updates, are waited for at the end: they may come later than answers. */
  readonly logged?: (peer: Peer) => number
  readonly updated?: number
  /** For how long, in milliseconds; what has not come by then is missing, and the transcripts differ. 10 s if absent. */
  readonly patience?: number
  /** Which log messages are compared; others depend on the time. */
  readonly isCompared?: (params: unknown) => boolean
  /** What of an answer of this tool is compared. */
  readonly compared?: Readonly<Record<string, (answer: unknown) => unknown>>
  /** A text without what is another each time. */
  readonly plain?: (text: string) => string
}

/** Writes down what came of it, a failure too. */
export type Note = (what: string, done: Promise<unknown>) => Promise<void>

export type Transcript = Record<string, unknown>

/** What a client of this kind gets that reaches the server this way, and does all that the script says. */
export async function transcriptOf(
  open: Open,
  way: Way,
  script: Script,
  behaviour?: Parameters<Open>[1],
): Promise<Transcript> {
  await using peer = await open(way, behaviour)
  return await played(peer, script)
}

/** Does all that the script says with a client that is connected, and gives what came back: times, ids and chance made equal. */
export async function played(peer: Peer, script: Script): Promise<Transcript> {
  const { client } = peer
  const transcript: Transcript = {}
  const keep = (what: string, value: unknown) => {
    if (what in transcript) throw new TypeError(`two steps are called ${what}`)
    transcript[what] = value
  }
  const note: Note = async (what, done) =>
    keep(
      what,
      await done.catch(({ name, code, message, data }) => ({ failed: { name, code, message, data } })),
    )

  await script.before?.(peer, note)
  const offers = client.getServerCapabilities() ?? {}
  keep('server', [client.getServerVersion(), offers, client.getInstructions(), peer.isModern])

  const { tools } = await client.listTools()
  keep('tools', tools)
  for (const { name } of tools)
    for (const [index, args] of given(script.tools, name).entries()) {
      const known = new Set(peer.progress.keys())
      const answer = peer.call(name, args, { onprogress: () => {} })
      const compared = script.compared?.[name]
      await note(`tool ${name} ${index}`, compared ? answer.then(compared) : answer)
      const progress = [...peer.progress].filter(([token]) => !known.has(token)).map(([, steps]) => steps)
      if (progress.length > 0) keep(`progress of ${name} ${index}`, progress)
    }
  await note('a tool that is not there', peer.call('no-such-tool', {}))

  if (script.cancelled) {
    const { name, args } = script.cancelled
    const enough = new AbortController()
    const onprogress = () => enough.abort('enough of it')
    await note('cancelled', peer.call(name, args, { onprogress, signal: enough.signal }))
  }

  if (offers.prompts) {
    const { prompts } = await client.listPrompts()
    keep('prompts', prompts)
    for (const { name } of prompts)
      for (const [index, args] of given(script.prompts ?? {}, name).entries())
        await note(`prompt ${name} ${index}`, client.getPrompt({ name, arguments: args }))
  }
  for (const params of script.completions ?? [])
    await note(`completion ${JSON.stringify(params)}`, client.complete(params))

  if (offers.resources) {
    const { resources } = await client.listResources()
    keep('resources', resources)
    keep('templates', (await client.listResourceTemplates()).resourceTemplates)
    for (const uri of [...resources.map((resource) => resource.uri), ...(script.resources ?? [])])
      await note(`resource ${uri}`, client.readResource({ uri }))
  }

  await script.after?.(peer, note)
  const isCompared = script.isCompared ?? (() => true)
  const lines = () => peer.logged.filter(isCompared)
  await reached(
    () => lines().length >= (script.logged?.(peer) ?? 0) && peer.updated.length >= (script.updated ?? 0),
    script.patience ?? 10_000,
  )
  keep('asked', peer.asked)
  keep('twice', peer.twice)
  // What the server says by itself may come on several streams, among which there is no order.
  keep('logged', sorted(lines()))
  keep('updated', sorted(peer.updated))
  keep('changed', sorted(peer.changed))
  return madeEqual(transcript, (text) => {
    const plain = script.plain?.(text) ?? text
    return peer.sessionId ? plain.replaceAll(peer.sessionId, 'SESSION') : plain
  }) as Transcript
}

/** Looks again and again, for so many milliseconds at most. */
export async function reached(condition: () => boolean, patience: number): Promise<void> {
  const end = performance.now() + patience
  while (!condition() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5))
}

function given<Args>(calls: Readonly<Record<string, readonly Args[]>>, name: string): readonly Args[] {
  const those = calls[name]
  if (!those) throw new TypeError(`${name} is new: nobody says what to call it with`)
  return those
}

function sorted(values: readonly unknown[]): unknown[] {
  return values
    .map((value) => [JSON.stringify(value), value] as const)
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, value]) => value)
}

/** The same value, without what is another each time. */
function madeEqual(value: unknown, plainer: (text: string) => string): unknown {
  const plain = (text: string) =>
    plainer(text)
      .replace(/created at .*/g, 'created at TIME')
      .replace(/[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}/g, 'UUID')
      .replace(/\b[\da-f]{32}\b/g, 'TASK')
  if (typeof value === 'string') return plain(value)
  if (Array.isArray(value)) return value.map((item) => madeEqual(item, plainer))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      if (key === 'blob' && typeof item === 'string')
        return [key, plain(Buffer.from(item, 'base64').toString('latin1'))]
      if (key === 'createdAt' || key === 'lastUpdatedAt') return [key, 'TIME']
      return [plain(key), madeEqual(item, plainer)]
    }),
  )
}
