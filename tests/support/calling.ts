import { PassThrough } from 'node:stream'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { inputRequired, McpServer } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { run } from '../../src/cli/program.js'
import { scratch } from './scratch.js'

/** Control characters, line ends and what reverses text, as a server may send them. */
export const hostile = '\u001b[2Jred\u202e\u009b0m\rover'

const text = (value: string) => ({ content: [{ type: 'text' as const, text: value }] })

export const questions = {
  name: { type: 'string', title: 'Your name', minLength: 2 },
  age: { type: 'integer', minimum: 0, maximum: 150 },
  colour: {
    type: 'string',
    oneOf: [
      { const: 'r', title: 'Red' },
      { const: 'b', title: 'Blue' },
    ],
  },
  news: { type: 'boolean', default: false },
} as const
const form = {
  message: `Who are you? ${hostile}`,
  requestedSchema: { type: 'object' as const, properties: questions, required: ['name', 'age'] },
}
const page = { message: 'Sign in', url: 'https://login.example/device' }
const sampling = {
  messages: [{ role: 'user' as const, content: { type: 'text' as const, text: 'A haiku, please' } }],
  systemPrompt: 'Be brief',
  maxTokens: 10,
}

/** A server of the newest era, with a tool for each kind of answer and question. */
export function showcase(): McpServer {
  const server = new McpServer({ name: 'showcase', version: '1.0.0' }, { capabilities: { logging: {} } })
  const tool = server.registerTool.bind(server)
  tool(
    'typed',
    {
      description: 'Says what it was given',
      inputSchema: z.object({ count: z.number().int().max(10), tags: z.array(z.string()).optional() }),
      annotations: { readOnlyHint: true },
    },
    (given) => text(JSON.stringify(given)),
  )
  tool('structured', { outputSchema: z.object({ a: z.number() }) }, () => ({
    ...text('{"a":1}'),
    structuredContent: { a: 1 },
  }))
  tool('kinds', {}, () => ({
    content: [
      { type: 'text', text: 'first\nsecond' },
      { type: 'image', mimeType: 'image/png', data: Buffer.alloc(1500).toString('base64') },
      { type: 'audio', mimeType: 'audio/wav', data: 'AAAA' },
      { type: 'resource', resource: { uri: 'file:///a.txt', mimeType: 'text/plain', text: 'inside' } },
      { type: 'resource', resource: { uri: 'file:///b.bin', blob: 'AAAA' } },
      { type: 'resource_link', uri: 'file:///c.txt', name: 'c', description: 'the third' },
    ],
    _meta: { 'example.com/extra': [1, { deep: true }] },
  }))
  tool('hostile', { description: hostile }, () => text(`${hostile}\n\tnext https://x/?token=abc`))
  tool('fails', {}, () => ({ ...text(`no such thing ${hostile}`), isError: true }))
  tool('lies', { outputSchema: z.object({}) }, () => ({ ...text('x'), structuredContent: {} }))
  tool('talks', {}, async ({ mcpReq }) => {
    const progressToken = mcpReq._meta?.progressToken ?? 0
    for (const progress of [1, 2])
      await mcpReq.notify({
        method: 'notifications/progress',
        params: { progressToken, progress, total: 2, message: `step ${progress}${hostile}` },
      })
    await mcpReq.notify({
      method: 'notifications/message',
      params: { level: 'info', logger: 'talker', data: `said\n${hostile}` },
    })
    return text('done')
  })
  const answers = (ctx: { mcpReq: { inputResponses?: Record<string, unknown> } }) => ctx.mcpReq.inputResponses
  const asking = (name: string, request: () => ReturnType<typeof inputRequired.elicit>) =>
    tool(name, {}, (ctx) => {
      const given = answers(ctx)?.it
      return given === undefined
        ? inputRequired({ inputRequests: { it: request() } })
        : text(JSON.stringify(given))
    })
  asking('form', () => inputRequired.elicit(form))
  asking('page', () => inputRequired.elicitUrl(page))
  asking('sample', () => inputRequired.createMessage(sampling) as never)
  asking('roots', () => inputRequired.listRoots() as never)
  server.registerPrompt(
    'review',
    {
      description: 'Looks at code',
      argsSchema: z.object({ language: z.string(), style: z.string().optional() }),
    },
    ({ language }) => ({
      messages: [{ role: 'user', content: { type: 'text', text: `Review this ${language}${hostile}` } }],
    }),
  )
  server.registerResource('note', 'note://one', { mimeType: 'text/plain', description: hostile }, () => ({
    contents: [{ uri: 'note://one', mimeType: 'text/plain', text: `a note ${hostile}\n` }],
  }))
  server.registerResource('bytes', 'note://bytes', { mimeType: 'image/png', size: 3 }, () => ({
    contents: [
      { uri: 'note://bytes', mimeType: 'image/png', blob: Buffer.from([0, 255, 27]).toString('base64') },
    ],
  }))
  return server
}

/** A server of the older revisions, with sessions: it asks by requests of its own. */
export function askingServer(onCall: (name: string, signal: AbortSignal) => void = () => {}): McpServerV1 {
  const server = new McpServerV1({ name: 'asking', version: '1.0.0' }, { capabilities: { logging: {} } })
  server.registerTool('form', {}, async () =>
    text(JSON.stringify(await server.server.elicitInput({ ...form, mode: 'form' } as never))),
  )
  server.registerTool('page', {}, async () =>
    text(JSON.stringify(await server.server.elicitInput({ ...page, mode: 'url', elicitationId: '1' }))),
  )
  server.registerTool('sample', {}, async () =>
    text(JSON.stringify(await server.server.createMessage(sampling))),
  )
  server.registerTool('roots', {}, async () => text(JSON.stringify(await server.server.listRoots())))
  server.registerTool('slow', {}, async ({ signal }) => {
    onCall('slow', signal)
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    return text('too late')
  })
  return server
}

export interface AtTerminal {
  /** Resolves with the exit code. */
  readonly done: Promise<number>
  readonly stdout: () => string
  readonly stderr: () => string
  type(line: string): void
  /** Ctrl-D. */
  end(): void
  /** Resolves once stderr has this, behind what was waited for before. */
  shown(pattern: RegExp): Promise<void>
}

/** Runs a command line whose stdin and stderr are terminals. */
export function atTerminal(args: readonly string[], { cwd = scratch(), env = {} } = {}): AtTerminal {
  const terminal = () => Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY: true })
  const [stdin, stdout, stderr] = [terminal(), new PassThrough({ encoding: 'utf8' }), terminal()]
  const written = { stdout: '', stderr: '' }
  stdout.on('data', (chunk) => (written.stdout += chunk))
  stderr.on('data', (chunk) => (written.stderr += chunk))
  const io = { stdin, stdout, stderr, env, cwd, exitCode: 0 }
  let seen = 0
  const shown = (pattern: RegExp) =>
    new Promise<void>((resolve) => {
      const look = () => {
        const found = pattern.exec(written.stderr.slice(seen))
        if (!found) return
        seen += found.index + found[0].length
        stderr.off('data', look)
        resolve()
      }
      stderr.on('data', look)
      look()
    })
  return {
    done: run(args, io).then(async () => {
      await new Promise(setImmediate)
      return io.exitCode
    }),
    stdout: () => written.stdout,
    stderr: () => written.stderr,
    type: (line) => void stdin.write(`${line}\n`),
    end: () => void stdin.end(),
    shown,
  }
}
