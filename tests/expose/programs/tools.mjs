// What the programs here offer, whichever way they speak MCP. A call is { meta, signal, notify, ask, overhead }.
import { spawn } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'

/** What this process has seen since it began; the tool `told` shows it. */
export const seen = {
  /** Methods, in the order in which they came. */
  received: [],
  initialize: 0,
  level: undefined,
  subscriptions: new Set(),
  /** The reasons of cancelled calls. */
  cancelled: [],
  rootsChanged: 0,
}
let state = ''
let wakeUp = () => {}
/** Called when a call was cancelled. */
export const cancelled = (reason) => {
  seen.cancelled.push(reason ?? null)
  wakeUp()
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
      'The caller that the call names, all keys that came beside it, and what the environment says',
    run: (_args, { meta = {} }) =>
      facts({
        caller: meta['mcp-mtls/caller'] ?? null,
        meta: Object.keys(meta)
          .filter((key) => key !== 'progressToken')
          .toSorted(),
        env: Object.fromEntries(Object.entries(process.env).filter(([name]) => /^mcp_mtls/i.test(name))),
      }),
  },
  pid: {
    description: 'Of this process and the one that started it',
    run: () => facts({ pid: process.pid, parent: process.ppid }),
  },
  told: {
    description: 'What this process has received since it began; waits for so many cancelled calls',
    properties: { cancelled: number },
    run: async ({ cancelled = 0 }) => {
      while (seen.cancelled.length < cancelled)
        await new Promise((resolve) => {
          wakeUp = resolve
        })
      const { received, subscriptions, level = null, ...rest } = seen
      return facts({ ...rest, level, received: [...received], subscriptions: [...subscriptions] })
    },
  },
  state: {
    description: 'Sets what this process remembers, where a value is given, and gives it',
    properties: { set: string },
    run: ({ set }) => {
      if (set !== undefined) state = set
      return text(state)
    },
  },
  ask: {
    description: 'Asks the client: elicit, sample or roots',
    properties: { what: string, message: string },
    run: async ({ what = 'elicit', message = 'Your name?' }, call) =>
      text(JSON.stringify(await call.ask(...question(what, message)))),
  },
  log: {
    description: 'Logs lines at a level, numbered',
    properties: { level: string, lines: number },
    run: async ({ level = 'info', lines = 1 }, call) => {
      const least = call.level ?? seen.level ?? 'debug'
      for (let line = 1; line <= lines && levels.indexOf(level) >= levels.indexOf(least); line++)
        await call.notify('notifications/message', { level, logger: 'fixture', data: `line ${line}` })
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
  half: {
    description: 'Writes half of an answer and no more; what comes after stands on the same line',
    run: () => {
      process.stdout.write('{"jsonrpc":"2.0","id":')
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

/** The answers to what needs no connection. */
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
  'resources/read': ({ uri }) => {
    const number = /^memory:\/\/number\/(\d+)$/.exec(uri)?.[1]
    if (uri !== 'memory://state' && !number)
      throw Object.assign(new Error('no such resource'), { code: -32602 })
    return { contents: [{ uri, mimeType: 'text/plain', text: number ?? `state: ${state}` }] }
  },
  'prompts/list': () => ({
    prompts: [{ name: 'greet', arguments: [{ name: 'name', required: true }] }],
  }),
  'prompts/get': ({ arguments: { name } = {} }) => ({
    messages: [{ role: 'user', content: { type: 'text', text: `Greet ${name}` } }],
  }),
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
