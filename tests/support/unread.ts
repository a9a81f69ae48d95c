import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { scratch } from './scratch.js'

/** A pipe that the test reads when it likes. */
export interface Unread {
  /** For the `stdio` of a child; close it once that has started. */
  readonly writer: number
  /** Writes until it takes no more. */
  fill(): void
  /** Reads what is there now. */
  read(): string
}

export function unreadPipe(): Unread {
  const path = join(scratch(), 'pipe')
  execFileSync('mkfifo', [path])
  const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  const writer = openSync(path, constants.O_WRONLY)
  onTestFinished(() => closeSync(reader))
  return { writer, fill: () => fill(path), read: () => readAll(reader) }
}

function fill(path: string): void {
  const writer = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK)
  try {
    for (;;) writeSync(writer, ' '.repeat(4096))
  } catch {
    closeSync(writer)
  }
}

function readAll(descriptor: number): string {
  const chunks: Buffer[] = []
  const buffer = Buffer.alloc(65_536)
  for (;;) {
    try {
      const size = readSync(descriptor, buffer)
      if (size === 0) break
      chunks.push(Buffer.from(buffer.subarray(0, size)))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') break
      throw error
    }
  }
  return Buffer.concat(chunks).toString()
}

export interface Started {
  readonly child: ChildProcess
  readonly exited: Promise<[code: number | null, signal: string | null]>
  /** What its stdout says first that matches, past or to come: the group of the pattern, or all of it. */
  said(pattern: RegExp): Promise<string>
}

/** Starts a program with these as its stdout and stderr. It is killed when the test ends. */
export function startWith(
  [stdout, stderr]: readonly (number | 'pipe' | 'inherit')[],
  command: string,
  args: readonly string[],
): Started {
  const child = spawn(command, args, {
    cwd: scratch(),
    env: { PATH: process.env.PATH },
    stdio: ['ignore', stdout, stderr],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  for (const given of [stdout, stderr]) if (typeof given === 'number') closeSync(given)
  const exited = once(child, 'exit') as Started['exited']
  let text = ''
  child.stdout?.on('data', (chunk) => (text += chunk))
  const said = (pattern: RegExp) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const found = pattern.exec(text)
        if (found) resolve(found[1] ?? found[0])
      }
      look()
      child.stdout?.on('data', look)
      exited.then(() => reject(new Error(`ended without ${pattern}: ${text}`)))
    })
  return { child, exited, said }
}
