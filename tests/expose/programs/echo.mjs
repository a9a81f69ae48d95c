// A small MCP server on stdin and stdout, written by hand so that it starts at once, which does what servers should not.
//   --start-delay MS   reads nothing for so long      --never         never answers `initialize`
//   --die-at-start     ends at once, with code 3      --die-first N   the same, in its first N starts (needs --starts)
//   --starts FILE      adds a line with its pid       --modern        speaks 2026-07-28, too, by the SDK
//   --ignore-eof       goes on when stdin has ended   --ignore-term   goes on after SIGTERM
//   --greet            writes a line to stderr when it is ready      --newest   speaks 2026-07-28 and nothing older
import { appendFileSync, readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { answers, cancelled, capabilities, info, newSeen, overhead, received, toolOf } from './tools.mjs'

const { values: flags } = parseArgs({
  options: {
    'start-delay': { type: 'string' },
    never: { type: 'boolean' },
    'die-at-start': { type: 'boolean' },
    'die-first': { type: 'string' },
    starts: { type: 'string' },
    modern: { type: 'boolean' },
    newest: { type: 'boolean' },
    'ignore-eof': { type: 'boolean' },
    'ignore-term': { type: 'boolean' },
    greet: { type: 'boolean' },
  },
})
if (flags['ignore-term']) process.on('SIGTERM', () => {})
if (flags.starts) appendFileSync(flags.starts, `${process.pid}\n`)
const starts = () => readFileSync(flags.starts, 'utf8').split('\n').length - 1
if (flags['die-at-start'] || (flags['die-first'] && starts() <= Number(flags['die-first']))) {
  process.stderr.write('fixture: cannot start\n')
  process.exit(3)
}
if (flags['start-delay']) await wait(Number(flags['start-delay']))
if (flags['ignore-eof']) {
  setInterval(() => {}, 60_000)
  process.stdout.on('error', () => {})
}
if (flags.greet) process.stderr.write('fixture: ready\n')
if (flags.modern || flags.newest) await bySdk()
else byHand()

async function bySdk() {
  const { serveStdio } = await import('@modelcontextprotocol/server/stdio')
  const { makeServer } = await import('./sdk-v2.mjs')
  const seen = newSeen()
  serveStdio(() => makeServer(seen), { legacy: flags.newest ? 'reject' : 'serve' })
}

function byHand() {
  const seen = newSeen()
  const versions = ['2024-11-05', '2025-03-26', '2025-06-18', '2025-11-25']
  const running = new Map()
  const asked = new Map()
  let lastId = 0
  const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)

  const callOf = ({ id, params }, signal) => ({
    seen,
    meta: params._meta,
    signal,
    notify: async (method, params) => void send({ method, params }),
    ask: (method, params) =>
      new Promise((resolve, reject) => {
        const id = `asked-${++lastId}`
        asked.set(id, { resolve, reject })
        send({ id, method, ...(params && { params }) })
      }),
    progress: async (progress, total) => {
      const progressToken = params._meta?.progressToken
      if (progressToken !== undefined)
        send({ method: 'notifications/progress', params: { progressToken, progress, total } })
    },
    updated: async (uri) => {
      if (seen.subscriptions.has(uri)) send({ method: 'notifications/resources/updated', params: { uri } })
    },
    overhead: overhead(id),
  })

  const requests = {
    ...answers,
    initialize: ({ protocolVersion }) => {
      seen.initialize++
      if (flags.never) return new Promise(() => {})
      return {
        protocolVersion: versions.includes(protocolVersion) ? protocolVersion : '2025-11-25',
        capabilities,
        serverInfo: info,
        instructions: 'A fixture',
      }
    },
    ping: () => ({}),
    'tools/call': (params, _seen, request, signal) =>
      toolOf(params).run(params.arguments ?? {}, callOf(request, signal)),
  }

  async function answer(request) {
    const controller = new AbortController()
    running.set(request.id, controller)
    try {
      const handle = Object.hasOwn(requests, request.method) ? requests[request.method] : undefined
      if (!handle) throw Object.assign(new Error('Method not found'), { code: -32601 })
      const result = await handle(request.params ?? {}, seen, request, controller.signal)
      if (!controller.signal.aborted) send({ id: request.id, result })
    } catch (error) {
      const { code, message, data } = error
      const number = typeof code === 'number' ? code : -32603
      if (!controller.signal.aborted) send({ id: request.id, error: { code: number, message, data } })
    } finally {
      running.delete(request.id)
    }
  }

  function take(line) {
    if (line === '') return
    const message = JSON.parse(line)
    if (message.method === undefined) {
      const { resolve, reject } = asked.get(message.id) ?? {}
      asked.delete(message.id)
      if (message.error) reject?.(Object.assign(new Error(message.error.message), message.error))
      else resolve?.(message.result)
      return
    }
    received(seen, message.method)
    if (message.id !== undefined) return void answer(message)
    if (message.method === 'notifications/roots/list_changed') seen.rootsChanged++
    if (message.method === 'notifications/cancelled') {
      running.get(message.params?.requestId)?.abort()
      cancelled(seen, message.params?.reason)
    }
  }

  // By hand: from Node 24 on, readline ends a line at U+2028 too, which JSON may contain.
  let rest = ''
  process.stdin.setEncoding('utf8')
  process.stdin.on('data', (chunk) => {
    if (!chunk.includes('\n')) {
      rest += chunk
      return
    }
    const lines = (rest + chunk).split('\n')
    rest = lines.pop()
    for (const line of lines) take(line)
  })
  process.stdin.on('end', () => {
    if (!flags['ignore-eof']) process.exit(0)
  })
}
