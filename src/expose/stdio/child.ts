import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import type { JSONRPCMessage, Transport } from '@modelcontextprotocol/server'
import { Fault, faultAnswer, hasGone } from '../../relay/fault.js'
import { Lines, type Unreadable } from '../../relay/lines.js'
import { isId, isMessage, isObject } from '../../relay/message.js'
import { printable } from '../../text/printable.js'
import { shortened } from '../../text/shortened.js'
import { answeredId, isPerhapsAnswer } from './answer-id.js'
import { ChildLog } from './child-log.js'
import { endGroup, holdGroup, signal } from './group.js'

export interface ChildOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string | undefined
  readonly env: Readonly<Record<string, string>>
  /** Bytes of one line of its stdout. */
  readonly maxLine: number
  /** What it writes to stderr, and what cannot be read on its stdout; one line of text. */
  readonly onText: (text: string) => void
  /** It has ended; `how` is for people. */
  readonly onEnd: (how: string, wasAsked: boolean) => void
}

/** Bytes that may wait for a child that does not read. */
const unreadAtMost = 64 * 1024 * 1024
/** Messages in one line, as there may be in 2025-03-26. */
const batchAtMost = 100
/** So long nothing follows the begin of a line until it counts as lost; milliseconds. */
const halfLineAtMost = 30_000
/** So long the last words of a child are waited for, when others hold its stdout open; milliseconds. */
const lastWords = 200
/** How long a child has to end by itself: after its stdin is closed, and again after SIGTERM; milliseconds. */
const timeToEnd = 2000
/** How long what a child leaves behind has to end by itself, and again after SIGTERM; milliseconds. */
const orphansHave = 500

/**
 * A program that speaks MCP on its stdin and stdout, in a process group of its own. Its stderr and what it writes beside MCP
 * goes to `onText`. The line of an answer that cannot be read becomes an error for the request, where its id shows.
 */
export class Child implements Transport {
  onclose?: () => void
  onerror?: (error: Error) => void
  onmessage?: (message: JSONRPCMessage) => void
  readonly #options: ChildOptions
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #group: number
  readonly #lines: Lines
  readonly #log: ChildLog
  readonly #ended: Promise<void>
  #halfLine: NodeJS.Timeout | undefined
  #isStopping = false
  #isClosed = false

  /** Resolves when it runs. Rejects with a `Fault` when it cannot be started. */
  static async run(options: ChildOptions): Promise<Child> {
    const { command, args, cwd, env } = options
    try {
      const child = spawn(command, args, { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] })
      await once(child, 'spawn')
      return new Child(options, child)
    } catch (error) {
      throw new Fault(`${command} cannot be started: ${wordsFor(error)}`, 'no')
    }
  }

  private constructor(options: ChildOptions, child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#options = options
    this.#process = child
    this.#group = child.pid as number
    const { maxLine, onText } = options
    this.#lines = new Lines({
      maxLine,
      onLine: (line) => this.#line(line),
      onTooLong: (line) => this.#unreadable(line, `a line of more than ${maxLine} bytes`),
    })
    holdGroup(this.#group)
    child.on('error', (error) => this.onerror?.(error))
    // One that does not read, or does not say anything, any more is as good as dead.
    child.stdin.on('error', () => this.#giveUp())
    child.stdout.once('close', () => setTimeout(() => this.#giveUp(), lastWords).unref())
    this.#log = new ChildLog(onText)
    child.stderr.on('data', (chunk) => this.#log.push(chunk))
    this.#ended = this.#end()
  }

  /** Its process, which leads its group. */
  get pid(): number {
    return this.#group
  }

  async start(): Promise<void> {
    this.#process.stdout.on('data', (chunk) => this.#read(chunk))
  }

  /** Resolves when the child has taken it. Rejects with a `Fault` when it does not. */
  send(message: JSONRPCMessage): Promise<void> {
    const { stdin } = this.#process
    if (this.#isClosed || stdin.destroyed)
      return Promise.reject(new Fault('the server has gone; nothing was sent', 'no'))
    if (stdin.writableLength > unreadAtMost)
      return Promise.reject(new Fault('the server does not read what it is sent', 'no', 'RATE_LIMITED'))
    return new Promise((resolve, reject) => {
      stdin.write(`${JSON.stringify(message)}\n`, (error) => {
        if (error) reject(new Fault(`the server ${hasGone}`, 'maybe'))
        else resolve()
      })
    })
  }

  /** Ends it and what it has started: its stdin is closed, then it is asked, then made to. Resolves when all have ended. */
  async close(patience = timeToEnd): Promise<void> {
    const { exitCode, signalCode, stdin, stdout } = this.#process
    // One that has closed its end before is dying by itself.
    if (!stdout.readableEnded && !stdin.errored) this.#isStopping = true
    this.#closed()
    if (exitCode === null && signalCode === null) {
      stdin.end()
      await endGroup(this.#group, patience)
    }
    await this.#ended
  }

  /** What it has not answered it never will: somebody would wait for ever. */
  #giveUp(): void {
    if (!this.#isClosed) signal(this.#group, 'SIGKILL')
  }

  /** Ends it and what it has started, without asking. */
  kill(): void {
    this.#isStopping = true
    signal(this.#group, 'SIGKILL')
  }

  async #end(): Promise<void> {
    const { stdin, stdout } = this.#process
    const [code, name] = await once(this.#process, 'exit')
    const wasAsked = this.#isStopping
    // Others may hold it open.
    await Promise.race([closed(stdout), new Promise((resolve) => setTimeout(resolve, lastWords))])
    for (const stream of [stdin, stdout, this.#process.stderr]) stream.destroy()
    this.#log.end()
    this.#closed()
    this.#options.onEnd(name ? `by ${name}` : `with exit code ${code}`, wasAsked)
    // Whatever it has started itself has nobody left to speak to.
    if (!wasAsked) await endGroup(this.#group, orphansHave)
  }

  #closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    clearTimeout(this.#halfLine)
    this.onclose?.()
  }

  #read(chunk: Buffer): void {
    this.#lines.push(chunk)
    clearTimeout(this.#halfLine)
    if (this.#lines.begun > 0 && !this.#isClosed)
      this.#halfLine = setTimeout(
        () => this.#unreadable(this.#lines.drop(), 'half a line, and nothing more'),
        halfLineAtMost,
      )
  }

  #line(line: string): void {
    let message: unknown
    try {
      message = JSON.parse(line)
    } catch {
      // Never what stands behind other text in a line: that may be the words of a caller.
      if (line.trim() !== '')
        this.#unreadable({ head: line.slice(0, 256), tail: line.slice(-256) }, 'what is no JSON')
      return
    }
    const messages: readonly unknown[] = Array.isArray(message) ? message : [message]
    if (messages.length > batchAtMost || !messages.every(isMessage))
      this.#log.say(`on its stdout, what is no message of JSON-RPC: ${shown(line)}`)
    for (const one of messages.slice(0, batchAtMost)) {
      if (isMessage(one)) this.onmessage?.(one)
      else if (isObject(one) && isId(one.id) && one.method === undefined)
        this.onmessage?.(
          faultAnswer(one.id, new Fault('the answer of the server is none of JSON-RPC', 'maybe')),
        )
    }
  }

  /**
   * A line that cannot be read: an error for the request that it answers. Where it does not show which, and it is no text for
   * people, somebody would wait for ever: the child has to begin again.
   */
  #unreadable(line: Unreadable, what: string): void {
    this.#log.say(`on its stdout, ${what}: ${shown(line.head)}`)
    const id = answeredId(line)
    if (id === undefined) {
      if (isPerhapsAnswer(line)) this.#giveUp()
      return
    }
    const fault = new Fault(`the answer of the server cannot be read: it is ${what}`, 'maybe')
    this.onmessage?.(faultAnswer(id, fault))
  }
}

function closed(stream: Readable): Promise<unknown> {
  return stream.destroyed ? Promise.resolve() : once(stream, 'close').catch(() => {})
}

function shown(text: string): string {
  return JSON.stringify(printable(shortened(text, 200)))
}

function wordsFor(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return 'it does not exist, or its working directory does not'
  if (code === 'EACCES') return 'it may not be run'
  return message
}
