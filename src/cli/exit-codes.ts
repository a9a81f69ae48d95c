import { CommanderError } from 'commander'
import type { AskFailure } from '../coordinator/index.js'
import { MtlsError, type MtlsErrorCode } from '../errors.js'
import type { Level } from '../monitor/snapshot.js'
import { Interrupted } from './io/signals.js'

interface ExitCodes {
  /** What each code means, as the help text says it. */
  readonly meanings: Readonly<Record<number, string>>
  /** What else the help text says about them. */
  readonly note?: string
  /** The code of bad usage: 64 unless said otherwise, EX_USAGE of sysexits.h. */
  readonly usage?: number
  /** The codes of some errors. */
  readonly errors?: Readonly<Partial<Record<MtlsErrorCode, number>>>
  /** The code of any other error: 1 unless said otherwise. */
  readonly failed?: number
}

const made = { meanings: { 0: 'done', 1: 'failed', 64: 'bad usage' } }
const read = {
  meanings: { 0: 'done', 1: 'failed', 64: 'bad usage, or a file that cannot be read', 130: 'interrupted' },
}
const served = { meanings: { 0: 'ended by a signal', 1: 'could not serve', 64: 'bad usage' } }

/** Of commands that talk to one server. Those of what it does are set by `mcp/failure.ts`. */
const called = (done: string) => ({
  meanings: {
    0: done,
    1: 'an error of the server, or own files missing or broken',
    3: 'the server is unreachable or refuses',
    4: 'timeout',
    64: 'bad usage',
    130: 'interrupted',
  },
})

/** Every exit code of every command. */
export const exitCodes = {
  demo: {
    meanings: { 0: 'every step was as it must be', 1: 'one was not', 64: 'bad usage', 130: 'interrupted' },
  },
  'cert-gen': made,
  'cert-check': {
    meanings: {
      0: 'healthy',
      1: 'something ends within the window',
      2: 'something is broken or has expired',
      64: 'bad usage',
    },
    failed: 2, // 1 would say that all is well for some days
  },
  'cert-list': made,
  'cert-renew': {
    meanings: {
      0: 'done (also when nothing is due, or the daemon was told to stop)',
      1: 'failed (or --exec did)',
      64: 'bad usage',
    },
  },
  'cert-revoke': { meanings: { 0: 'done (or revoked before)', 1: 'failed', 64: 'bad usage' } },
  'cert-rotate-ca': made,
  'test-tls': {
    meanings: { 0: 'every step went well', 1: 'one did not', 64: 'bad usage', 130: 'interrupted' },
  },
  'perf-test': {
    meanings: { 0: 'measured, whatever came out', 1: 'failed', 64: 'bad usage', 130: 'interrupted' },
  },
  monitor: { meanings: { 0: 'ended by a signal', 1: 'could not watch', 64: 'bad usage' } },
  'monitor --once': {
    meanings: { 0: 'all well', 1: 'something ends soon or is degraded', 2: 'something is down or broken' },
    failed: 2, // 1 would say that all works for some days
  },
  policy: made,
  'policy init': made,
  'policy check': { meanings: { 0: 'no problems', 1: 'some, or the file cannot be used', 64: 'bad usage' } },
  'policy explain': {
    meanings: { 0: 'explained, whatever was decided', 1: 'the policy cannot be used', 64: 'bad usage' },
  },
  'policy test': {
    meanings: {
      0: 'every case was decided as expected',
      1: 'one was not',
      64: 'bad usage, or the policy or the cases cannot be used',
    },
    errors: { POLICY_INVALID: 64 }, // 1 would say that the policy was tried
  },
  serve: served,
  expose: served,
  'client-config': {
    meanings: {
      0: 'done (also when nothing had to be changed)',
      1: 'a file cannot be read, understood or written, or --test failed',
      64: 'bad usage, or the name belongs to another server',
      130: 'interrupted',
    },
  },
  call: {
    meanings: {
      ...called('called').meanings,
      1: 'an error of the tool or the server, or own files missing or broken',
      64: 'bad usage (an unknown tool or argument, too)',
    },
  },
  tools: called('listed'),
  resources: called('listed, or read'),
  prompts: called('listed, or got'),
  bridge: { meanings: { 0: 'its client has gone, or a signal', 1: 'could not start', 64: 'bad usage' } },
  audit: read,
  'audit show': {
    meanings: { ...read.meanings, 0: 'done (with --follow: ended by a signal)' },
  },
  'audit summary': read,
  'audit verify': { meanings: { ...read.meanings, 0: 'nothing is wrong', 1: 'something is wrong' } },
  ask: {
    meanings: {
      0: 'answered',
      1: 'bad usage',
      2: 'city not found',
      3: 'a server unreachable or refusing',
      4: 'timeout',
      5: 'anything else',
      130: 'interrupted',
    },
    note: '. Of a partial answer it is that of what failed, in the order 2, 4, 3, 5.',
    usage: 1,
    errors: { CONNECTION_TIMEOUT: 4 },
    failed: 5,
  },
} as const satisfies Record<string, ExitCodes>

/** For a command, or a way to use one that has its own codes. */
export type Exiting = keyof typeof exitCodes

export function isExiting(text: string): text is Exiting {
  return Object.hasOwn(exitCodes, text)
}

/** The last paragraph of a help text. */
export function exitCodesHelp(command: Exiting): string {
  const { note = '' }: ExitCodes = exitCodes[command]
  const once = command === 'monitor' ? `;\nwith --once: ${exitCodesText('monitor --once')}` : ''
  return `Exit codes: ${exitCodesText(command)}${note}${once}`
}

/** `0 done, 1 failed, 64 bad usage`, wrapped like other help text. */
function exitCodesText(command: Exiting): string {
  const meanings = Object.entries(exitCodes[command].meanings).map(([code, meaning]) => `${code} ${meaning}`)
  const lines = ['']
  for (const [index, meaning] of meanings.entries()) {
    const part = index < meanings.length - 1 ? `${meaning},` : meaning
    const longer = `${lines.at(-1)} ${part}`.trimStart()
    if (longer.length > longestLine) lines.push(part)
    else lines[lines.length - 1] = longer
  }
  return lines.join('\n')
}

/** With `Exit codes: ` before it. */
const longestLine = 105

/** Wrong settings are bad usage, wherever they were set. */
const usageErrors: readonly MtlsErrorCode[] = ['CONFIG_INVALID', 'PORT_CONFLICT']

/** The exit code for an error; without a command, no command was recognized. */
export function exitCodeOfError(error: unknown, command?: Exiting): number {
  if (error instanceof Interrupted) return 130
  const { usage = 64, errors = {}, failed = 1 }: ExitCodes = command ? exitCodes[command] : made
  if (error instanceof CommanderError) return usage
  if (!(error instanceof MtlsError)) return failed
  return usageErrors.includes(error.code) ? usage : (errors[error.code] ?? failed)
}

const levelCodes: Readonly<Record<Level, 0 | 1 | 2>> = { ok: 0, warning: 1, critical: 2 }

/** For `cert-check` and `monitor --once`: the worst level found. */
export function exitCodeOfLevel(level: Level): 0 | 1 | 2 {
  return levelCodes[level]
}

/** Of several failures, the first in this order wins. */
const failureCodes: readonly (readonly [AskFailure['kind'], number])[] = [
  ['place', 2],
  ['timeout', 4],
  ['unreachable', 3],
  ['other', 5],
  ['usage', 1],
]

/** For `ask`: which part of the question has no answer. */
export function exitCodeOfFailures(failures: readonly Pick<AskFailure, 'kind'>[]): number {
  return failureCodes.find(([kind]) => failures.some((failure) => failure.kind === kind))?.[1] ?? 0
}
