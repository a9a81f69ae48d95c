import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const built = (path: string) => new URL(`../../dist/${path}`, import.meta.url)
/** The built binary: `npm test` builds before it tests. */
export const bin = fileURLToPath(built('bundle/mcp-mtls.js'))

export interface RunOptions {
  readonly cwd?: string
  /** Instead of the environment of the tests, except PATH. */
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  /** Options of node itself. */
  readonly node?: readonly string[]
  /** As another user, with this one group; only root may. */
  readonly uid?: number
  readonly gid?: number
}

export interface Finished {
  readonly exitCode: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs the built command line to its end inside this process: it is given all that it touches of a process. */
export async function runCli(
  args: readonly string[],
  { cwd = process.cwd(), env = {}, stdin = '' }: Pick<RunOptions, 'cwd' | 'env' | 'stdin'> = {},
): Promise<Finished> {
  const written = { stdout: '', stderr: '' }
  const collects = (name: keyof typeof written) =>
    new Writable({
      decodeStrings: false,
      write: (chunk, _encoding, done) => {
        written[name] += chunk
        done()
      },
    })
  const io = {
    stdout: collects('stdout'),
    stderr: collects('stderr'),
    stdin: Readable.from(stdin === '' ? [] : [Buffer.from(stdin)]),
    env: { PATH: process.env.PATH, ...env },
    cwd,
    exitCode: 0,
  }
  const program: typeof import('../../src/cli/program.js') = await import(built('cli/program.js').href)
  await program.run(args, io)
  return { ...written, exitCode: io.exitCode, signal: null }
}

/** Runs the built command line to its end, in a process of its own. */
export async function runProcess(args: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return startCli(args, options).finished
}

/**
 * Runs commands one after the other in one process, which somebody else may be, or which is started through another
 * program. Gives what each wrote to stderr, and the exit code when it is not 0.
 */
export function runAll(
  commands: readonly (readonly string[])[],
  { through = [], ...options }: Pick<RunOptions, 'cwd' | 'uid' | 'gid'> & { through?: readonly string[] },
): string[] {
  const script = `
    const { run } = await import(${JSON.stringify(built('cli/program.js').href)})
    const { Writable } = await import('node:stream')
    const told = []
    for (const args of ${JSON.stringify(commands)}) {
      let text = ''
      const collects = (keep) => new Writable({ decodeStrings: false, write(chunk, _, done) { keep(chunk); done() } })
      const io = { stdout: collects(() => {}), stderr: collects((chunk) => (text += chunk)), stdin: process.stdin,
        env: { PATH: process.env.PATH }, cwd: process.cwd(), exitCode: 0 }
      await run(args, io)
      told.push(text + (io.exitCode ? 'exit ' + io.exitCode : ''))
    }
    console.log(JSON.stringify(told))`
  const [file = '', ...args] = [...through, process.execPath, '--input-type=module', '-e', script]
  const { stdout, stderr } = spawnSync(file, args, { ...options, encoding: 'utf8' })
  if (stderr !== '') throw new Error(stderr)
  return JSON.parse(stdout)
}

export interface Running {
  readonly process: ChildProcess
  readonly finished: Promise<Finished>
  /** Resolves when stderr and stdout so far match, rejects when the process ends before. */
  printed(pattern: RegExp): Promise<RegExpExecArray>
}

/** Starts the command line; it is killed when the test ends. */
export function startCli(args: readonly string[], { node = [], ...options }: RunOptions = {}): Running {
  return startNode([...node, bin, ...args], options)
}

/** Starts any script; it is killed when the test ends. */
export function startNode(
  args: readonly string[],
  { env = {}, stdin, ...options }: Omit<RunOptions, 'node'> = {},
): Running {
  const child = spawn(process.execPath, args, { ...options, env: { PATH: process.env.PATH, ...env } })
  onTestFinished(() => void child.kill('SIGKILL'))
  child.stdin.end(stdin)
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (chunk) => (stdout += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk) => (stderr += chunk))
  const finished = once(child, 'close').then(([exitCode, signal]) => ({ exitCode, signal, stdout, stderr }))

  return {
    process: child,
    finished,
    printed: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(stderr + stdout)
          if (found) resolve(found)
        }
        child.stdout.on('data', look)
        child.stderr.on('data', look)
        child.on('close', () => reject(new Error(`ended without ${pattern}:\n${stderr}${stdout}`)))
        look()
      }),
  }
}
