import { McpServer, type McpServerFactory } from '@modelcontextprotocol/server'
import { z } from 'zod'
import { callerFacts } from '../server/caller-facts.js'
import { type Caller, identityOf } from '../server/identity-of.js'
import { packageVersion } from '../server/package-version.js'
import { answer, printable, readOnly } from './tool-answer.js'

const mostCharacters = 1000

const echo = {
  title: 'Echo',
  description: 'Gives a text back as it came.',
  inputSchema: z.object({
    // JSON Schema counts characters, JavaScript's own length UTF-16 units: an emoji is one character but two units.
    text: z
      .string()
      .min(1)
      .refine((text) => Array.from(text).length <= mostCharacters, `at most ${mostCharacters} characters`)
      .meta({ maxLength: mostCharacters, description: 'The text to give back' }),
  }),
  outputSchema: z.object({
    original_text: z.string(),
    echo_text: z.string(),
    timestamp: z.string().describe('UTC ISO 8601'),
  }),
  annotations: readOnly(false),
}

const text = z.string().nullable()

const whoami = {
  title: 'Who am I',
  description: 'The caller as this server sees it: the identity in its certificate, and how it is connected.',
  inputSchema: z.object({}),
  outputSchema: z.object({
    id: text.describe('Null without mutual TLS'),
    trust_domain: text.describe('The one whose CA vouches for it; null where none is bound'),
    verified: z
      .boolean()
      .describe('False when nobody vouched for the certificate (demo mode), or there is none'),
    names: z.array(z.string()),
    issuer: text,
    serial: text,
    fingerprint256: text,
    not_after: text.describe('UTC ISO 8601'),
    tls: z
      .object({ version: z.string(), cipher: z.string(), key_exchange: text, resumed: z.boolean() })
      .nullable(),
  }),
  annotations: readOnly(false),
}

/** A factory of echo servers. `whoami` has an answer only inside `serve`. */
export function echoServer(now: () => Date): McpServerFactory {
  return () => {
    const server = new McpServer({ name: 'echo-mcp', version: packageVersion })
    server.registerTool('echo', echo, ({ text }) =>
      answer(
        { original_text: text, echo_text: text, timestamp: now().toISOString() },
        `Echo: ${printable(text)}`,
      ),
    )
    server.registerTool('whoami', whoami, (_, context) => {
      const caller = identityOf(context)
      return caller
        ? answer({ ...callerFacts(caller) }, sentenceAbout(caller))
        : answer(nobody, 'I cannot tell who you are: this connection has no mutual TLS.')
    })
    return server
  }
}

const nobody = {
  id: null,
  trust_domain: null,
  verified: false,
  names: [],
  issuer: null,
  serial: null,
  fingerprint256: null,
  not_after: null,
  tls: null,
}

function sentenceAbout({ id, verified, tls }: Caller): string {
  const trust = verified ? '' : ', which nobody vouched for'
  return printable(`You are ${id}${trust}, connected over ${tls.version} with ${tls.cipher}.`)
}
