import { z } from 'zod'
import { askedMethods, toldMethods } from './handler-methods.js'
import { check, type Problem, problemsIn } from './problems.js'
import { isOptions } from './right-call.js'
import { serverId } from './server-id.js'
import { logLevels } from './settings/choices.js'
import { choice, count, milliseconds, path, text } from './values.js'

// Options that are no settings: what a program hands over as it is. TypeScript refuses wrong ones, JavaScript does not.

/** `false`, or options. */
const orFalse = (schema: z.ZodType) =>
  z.preprocess((value) => (value === false ? undefined : value), schema.optional())

const freshness = {
  watch: orFalse(
    z.strictObject(
      { debounceMs: milliseconds(0).optional(), pollMs: milliseconds(1).optional() },
      { error: errorOf('false and { debounceMs, pollMs }') },
    ),
  ),
  expiryWarningDays: z
    .array(z.number({ error: 'allowed are numbers of days' }).min(0, 'allowed are numbers of days from 0'), {
      error: errorOf('lists of days: [30, 7]'),
    })
    .optional(),
  onSecurityEvent: z
    .custom((value) => value === undefined || typeof value === 'function', 'a function is wanted')
    .optional(),
}

const log = orFalse(
  z.strictObject(
    { level: choice(logLevels).optional(), securityLog: path.optional() },
    { error: errorOf('false and { level, securityLog }') },
  ),
)

const serveSchema = z.strictObject({ ...freshness, log })

const aFunction = z.custom((value) => typeof value === 'function', 'a function is wanted')

const connectSchema = z.strictObject({
  ...freshness,
  log,
  clientInfo: z
    .looseObject({ name: text, version: text }, { error: errorOf('{ name, version }') })
    .optional(),
  clientOptions: z.custom(isOptions, 'the options of the SDK are wanted').optional(),
  signal: z.instanceof(AbortSignal, { error: 'an AbortSignal is wanted' }).optional(),
  headers: aFunction.optional(),
  authProvider: z
    .custom(isAuthProvider, 'an OAuthClientProvider of the SDK, or { token(), onUnauthorized? }, is wanted')
    .optional(),
  authFetch: aFunction.optional(),
  handlers: z
    .strictObject(
      Object.fromEntries([...askedMethods, ...toldMethods].map((method) => [method, aFunction.optional()])),
      { error: errorOf('{ method: function }') },
    )
    .optional(),
})

/** As the SDK looks at one. */
function isAuthProvider(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { token, tokens, clientInformation } = value as Record<string, unknown>
  return (
    typeof token === 'function' || (typeof tokens === 'function' && typeof clientInformation === 'function')
  )
}

const fetchSchema = z.strictObject({
  ...freshness,
  serverName: text.optional(),
  serverId: serverId.optional(),
  connectTimeout: milliseconds(1).optional(),
  handshakeTimeout: milliseconds(1).optional(),
  maxConnections: count.optional(),
})

const aStream = z.custom(
  (value) => typeof value === 'object' && value !== null && 'pipe' in value,
  'a stream of Node is wanted',
)

const bridgeSchema = z.strictObject({
  stdio: z
    .strictObject({ input: aStream, output: aStream }, { error: errorOf('{ input, output }') })
    .optional(),
  onEvent: z
    .custom((value) => value === undefined || typeof value === 'function', 'a function is wanted')
    .optional(),
  signal: z.instanceof(AbortSignal, { error: 'an AbortSignal is wanted' }).optional(),
})

const schemas = { bridge: bridgeSchema, serve: serveSchema, connect: connectSchema, mtlsFetch: fetchSchema }

/** Throws `CONFIG_INVALID` for live options of one call that are of a wrong type or do not exist. */
export function checkLiveOptions(call: keyof typeof schemas, options: object): void {
  check(schemas[call], `options of ${call}`, options)
}

/** What is wrong with the live options of a server. */
export function liveServerProblems(options: object): Problem[] {
  return problemsIn(serveSchema, options)
}

/** The words for a wrong kind; the words for unknown names stay. */
function errorOf(allowed: string): z.core.$ZodErrorMap {
  return ({ code }) => (code === 'unrecognized_keys' ? undefined : `allowed are ${allowed}`)
}
