// What the programs here offer, whichever way they speak MCP. A call is { seen, meta, headers, signal, level, notify,
// ask, progress, updated, closeStream, overhead }; what a way does not have is left out.
import { spawn } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'

/** What a process, or one of its sessions, has seen since it began; the tool `told` shows it. */
export const newSeen = () => ({
  /** Methods, in the order in which they came. */
  received: [],
  initialize: 0,
  level: undefined,
  subscriptions: new Set(),
  /** The reasons of cancelled calls. */
  cancelled: [],
  rootsChanged: 0,
  state: '',
  wakeUp: () => {},
})

export function received(seen, method) {
  if (seen.received.length < 1000) seen.received.push(method)
}

export function cancelled(seen, reason) {
  seen.cancelled.push(reason ?? null)
  seen.wakeUp()
}

const text = (value) => ({ content: [{ type: 'text', text: value }] })
const facts = (value) => ({ ...text(JSON.stringify(value)), structuredContent: value })
const levels = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency']
const string = { type: 'string' }
const number = { type: 'number' }
const flag = { type: 'boolean' }

export const tools = {
  echo: {
    description: 'Gives a text back',
    properties: { text: string },
    run: ({ text: value = '' }) => text(value),
  },
  whoami: {
    description:
      'The caller that the call names, the keys that came beside it, headers as they came, and the environment',
    run: (_args, { meta = {}, headers = null }) =>
      facts({
        caller: meta['mcp-mtls/caller'] ?? null,
        meta: Object.keys(meta)
          .filter((key) => key !== 'progressToken')
          .toSorted(),
        headers,
        env: Object.fromEntries(Object.entries(process.env).filter(([name]) => /^mcp_mtls/i.test(name))),
      }),
  },
  pid: {
    description: 'Of this process and the one that started it',
    run: () => facts({ pid: process.pid, parent: process.ppid }),
  },
  told: {
    description:
      'What has been received; waits for so many cancelled calls. Forgets it then, where it is told to',
    properties: { cancelled: number, forget: flag },
    run: async ({ cancelled = 0, forget = false }, { seen }) => {
      while (seen.cancelled.length < cancelled)
        await new Promise((resolve) => {
          seen.wakeUp = resolve
        })
      const { received, subscriptions, level = null, initialize, rootsChanged } = seen
      const answer = facts({
        initialize,
        received: [...received],
        level,
        subscriptions: [...subscriptions],
        cancelled: [...seen.cancelled],
        rootsChanged,
      })
      if (forget) received.length = seen.cancelled.length = 0
      return answer
    },
  },
  state: {
    description: 'Sets what is remembered, where a value is given, and gives it',
    properties: { set: string },
    run: ({ set }, { seen }) => {
      if (set !== undefined) seen.state = set
      return text(seen.state)
    },
  },
  ask: {
    description: 'Asks the client: elicit, sample or roots',
    properties: { what: string, message: string },
    run: async ({ what = 'elicit', message = 'Your name?' }, call) =>
      text(JSON.stringify(await call.ask(...question(what, message)))),
  },
  log: {
    description: 'Logs lines at a level, numbered: on the stream of the call, or apart from it',
    properties: { level: string, lines: number, apart: flag },
    run: async ({ level = 'info', lines = 1, apart = false }, call) => {
      const least = call.level ?? call.seen.level ?? 'debug'
      for (let line = 1; line <= lines && levels.indexOf(level) >= levels.indexOf(least); line++)
        await call.notify('notifications/message', { level, logger: 'fixture', data: `line ${line}` }, apart)
      return text('logged')
    },
  },
  update: {
    description: 'Says that a resource has changed, to those who have subscribed',
    properties: { uri: string },
    run: async ({ uri = 'memory://state' }, call) => {
      await call.updated(uri)
      return text('told')
    },
  },
  progress: {
    description: 'So many steps, told at once',
    properties: { steps: number },
    run: async ({ steps = 3 }, call) => {
      for (let step = 1; step <= steps; step++) await call.progress(step, steps)
      return text(`${steps} steps`)
    },
  },
  slow: {
    description: 'Takes so many milliseconds, in steps that are told',
    properties: { ms: number, steps: number },
    run: async ({ ms = 100, steps = 1 }, call) => {
      for (let step = 1; step <= steps; step++) {
        await wait(ms / steps, undefined, { signal: call.signal })
        await call.progress(step, steps)
      }
      return text('took its time')
    },
  },
  reconnect: {
    description:
      'Ends the stream of the call, where there is one, and goes on: the client comes for the rest',
    run: async (_args, call) => {
      await call.progress(1, 2)
      call.closeStream?.()
      await wait(20)
      await call.progress(2, 2)
      return text('answered after that')
    },
  },
  hang: {
    description: 'Never answers; tells one step',
    run: async (_args, call) => {
      await call.progress(1, 2)
      return new Promise(() => {})
    },
  },
  die: {
    description: 'Ends this process in the call: with an exit code, or by a signal',
    properties: { code: number, signal: string },
    run: ({ code = 1, signal }) => {
      if (!signal) process.exit(code)
      process.kill(process.pid, signal)
      return new Promise(() => {})
    },
  },
  'stdout-text': {
    description: 'Prints a line that is no JSON, then answers',
    properties: { text: string },
    run: ({ text: line = 'Debugger listening, {"not": json' }) => {
      process.stdout.write(`${line}\n`)
      return text('printed')
    },
  },
  deaf: {
    description: 'Answers, and reads stdin no more',
    run: () => {
      process.stdin.pause()
      setInterval(() => {}, 60_000)
      return text('deaf from now on')
    },
  },
  half: {
    description: 'Writes so many bytes of an answer and no end; what comes after stands on the same line',
    properties: { bytes: number },
    run: ({ bytes = 22 }) => {
      process.stdout.write('{"jsonrpc":"2.0","id":'.padEnd(bytes))
      return new Promise(() => {})
    },
  },
  big: {
    description: 'Answers with a line of so many bytes, its end not counted',
    properties: { bytes: number },
    run: ({ bytes = 1000 }, call) => text('x'.repeat(Math.max(0, bytes - call.overhead()))),
  },
  'flood-stderr': {
    description: 'Writes so many bytes to stderr, in lines of so many, then answers',
    properties: { bytes: number, line: number },
    run: async ({ bytes = 1_000_000, line = 100 }) => {
      const one = `${'e'.repeat(line - 1)}\n`
      const chunk = one.repeat(Math.max(1, Math.floor(64_000 / line)))
      for (let left = bytes; left > 0; left -= chunk.length)
        await new Promise((resolve) => process.stderr.write(chunk.slice(0, left), resolve))
      return text(`${bytes} bytes`)
    },
  },
  fork: {
    description:
      'Starts two processes that outlive it: one, and one that ignores SIGTERM; or one more in a group of its own',
    properties: { apart: flag, holdOutput: flag },
    run: ({ apart = false, holdOutput = false }) => {
      const stdio = holdOutput ? 'inherit' : 'ignore'
      const start = (script, detached) => {
        const child = spawn('/bin/sh', ['-c', script], { stdio, detached })
        child.unref()
        return child.pid
      }
      const pids = [start('exec sleep 600', false), start('trap "" TERM HUP INT; exec sleep 600', false)]
      if (apart) pids.push(start('exec sleep 600', true))
      return facts({ pids })
    },
  },
  fail: {
    description: 'Gives a tool error',
    run: () => ({ ...text('it did not work'), isError: true }),
  },
  refuse: {
    description: 'Gives a JSON-RPC error',
    run: () => {
      throw Object.assign(new Error('refused'), { code: -32050, data: { why: 'a reason' } })
    },
  },
}

/** The tool that a call names. */
export function toolOf({ name }) {
  if (Object.hasOwn(tools, name)) return tools[name]
  throw Object.assign(new Error(`Unknown tool: ${name}`), { code: -32602 })
}

/** How long the line of an answer is whose text is empty. */
export const overhead = (id) => () =>
  JSON.stringify({ jsonrpc: '2.0', id, result: { content: [{ type: 'text', text: '' }] } }).length

function question(what, message) {
  if (what === 'roots') return ['roots/list', undefined]
  if (what === 'sample')
    return [
      'sampling/createMessage',
      { messages: [{ role: 'user', content: { type: 'text', text: message } }], maxTokens: 10 },
    ]
  const requestedSchema = { type: 'object', properties: { name: string }, required: ['name'] }
  return ['elicitation/create', { message, requestedSchema }]
}

const names = ['Ada', 'Adam', 'Eve']

/** The answers to what needs no connection, but what has been seen. */
export const answers = {
  'tools/list': () => ({
    tools: Object.entries(tools).map(([name, { description, properties = {} }]) => ({
      name,
      description,
      inputSchema: { type: 'object', properties },
    })),
  }),
  'resources/list': () => ({
    resources: [{ uri: 'memory://state', name: 'state', mimeType: 'text/plain' }],
  }),
  'resources/templates/list': () => ({
    resourceTemplates: [{ uriTemplate: 'memory://number/{n}', name: 'number' }],
  }),
  'resources/read': ({ uri }, seen) => {
    const number = /^memory:\/\/number\/(\d+)$/.exec(uri)?.[1]
    if (uri !== 'memory://state' && !number)
      throw Object.assign(new Error('no such resource'), { code: -32602 })
    return { contents: [{ uri, mimeType: 'text/plain', text: number ?? `state: ${seen.state}` }] }
  },
  'prompts/list': () => ({
    prompts: [{ name: 'greet', arguments: [{ name: 'name', required: true }] }],
  }),
  'prompts/get': ({ arguments: { name } = {} }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Greet ${name}` } }],
  }),
  'logging/setLevel': ({ level }, seen) => {
    seen.level = level
    return {}
  },
  'resources/subscribe': ({ uri }, seen) => {
    seen.subscriptions.add(uri)
    return {}
  },
  'resources/unsubscribe': ({ uri }, seen) => {
    seen.subscriptions.delete(uri)
    return {}
  },
  'completion/complete': ({ argument }) => {
    const values = names.filter((name) => name.startsWith(argument.value))
    return { completion: { values, total: values.length, hasMore: false } }
  },
}

export const info = { name: 'fixture', version: '1.0.0' }
export const capabilities = {
  tools: {},
  prompts: {},
  completions: {},
  logging: {},
  resources: { subscribe: true },
}
