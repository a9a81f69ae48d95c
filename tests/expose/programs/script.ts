import { fileURLToPath } from 'node:url'
import type { Way } from '../../support/compare/clients.js'
import { reached, type Script } from '../../support/compare/transcript.js'

/** The path of a program here. */
export const programPath = (name: 'echo.mjs' | 'stateful.mjs') =>
  fileURLToPath(new URL(name, import.meta.url))

/** `echo.mjs` with these flags, as a client starts it. */
export function fixture(...flags: string[]): Extract<Way, { command: string }> {
  return { command: process.execPath, args: [programPath('echo.mjs'), ...flags] }
}

const uri = 'memory://state'
/** For what comes by itself; milliseconds. */
const patience = 10_000

/** All that the fixtures can do without harm. */
export const fixtureScript: Script = {
  tools: {
    echo: [{ text: 'héllo 🦉\n\u2028"\\' }, {}],
    whoami: [{}],
    pid: [{}],
    told: [],
    state: [{ set: 'kept' }, {}],
    ask: [
      { what: 'elicit' },
      { what: 'sample', message: 'Say something' },
      { what: 'roots' },
      { what: 'elicit', message: 'Once more?' },
    ],
    log: [
      { level: 'info', lines: 3 },
      { level: 'notice', lines: 2, apart: true },
    ],
    update: [],
    progress: [{ steps: 5 }],
    slow: [{ ms: 60, steps: 3 }],
    reconnect: [{}],
    'stdout-text': [],
    big: [{ bytes: 2_000_000 }],
    'flood-stderr': [{ bytes: 1_000_000 }],
    fail: [{}],
    refuse: [{}],
    hang: [],
    die: [],
    half: [],
    deaf: [],
    fork: [],
  },
  prompts: { greet: [{ name: 'Ada' }] },
  completions: [
    { ref: { type: 'ref/prompt', name: 'greet' }, argument: { name: 'name', value: 'A' } },
    {
      ref: { type: 'ref/resource', uri: 'memory://number/{n}' },
      argument: { name: 'n', value: 'Eve' },
    },
  ],
  resources: ['memory://number/7', 'memory://nothing'],
  cancelled: { name: 'hang', args: {} },
  // The same process may have served another client.
  before: (peer) => peer.call('told', { forget: true }),
  after: async (peer, note) => {
    // What is not known to be cancelled keeps this call waiting. Over HTTP, the newer era cancels without a reason.
    const reasons = async () =>
      told<{ cancelled: unknown[] }>(await peer.call('told', { cancelled: 1 })).cancelled
    await note('cancelled is told', peer.isModern ? reasons().then(({ length }) => length) : reasons())
    await note('a subscription', peer.subscribe(uri))
    await note('a change', peer.call('update', { uri }))
    // It may come after the answer, and ending the subscription would end its way.
    await reached(() => peer.updated.length > 0, patience)
    await note('a change of something else', peer.call('update', { uri: 'memory://number/1' }))
    await note('no subscription any more', peer.unsubscribe(uri))
    await note('a change for nobody', peer.call('update', { uri }))
    if (peer.isModern) return
    await note('level', peer.client.setLoggingLevel('error'))
    await note('below the level', peer.call('log', { level: 'info' }))
    await note('above the level', peer.call('log', { level: 'alert', lines: 2 }))
  },
  compared: {
    // Who calls is for the gate to say, and who started it is another.
    whoami: (answer) => Object.keys(told(answer)),
    pid: (answer) => Object.keys(told(answer)),
    big: (answer) => {
      const { text } = (answer as { content: [{ text: string }] }).content[0]
      return [Math.round(text.length / 1000), new Set(text).size] // the rest is the id of the call
    },
  },
  logged: ({ isModern }) => (isModern ? 5 : 7),
  updated: 1,
}

/** What is left where a server cannot ask, tell or be told while it answers: without streams, or without sessions. */
export const plainScript: Script = {
  tools: { ...fixtureScript.tools, ask: [], update: [] },
  prompts: fixtureScript.prompts ?? {},
  completions: fixtureScript.completions ?? [],
  resources: fixtureScript.resources ?? [],
  compared: fixtureScript.compared ?? {},
}

/** What a tool of the fixture tells as facts. */
export function told<Facts = Record<string, unknown>>(answer: unknown): Facts {
  return (answer as { structuredContent: Facts }).structuredContent
}
