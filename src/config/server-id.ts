import { z } from 'zod'
import { isSpiffeId } from '../text/spiffe.js'
import { parse } from './problems.js'
import { text } from './values.js'

const allowed =
  'allowed are spiffe://… (a SPIFFE ID), sha256/… (base64) and sha256:… (hex) of the public key, or a list of them'

const one = text.transform((value, context) => {
  const id = isSpiffeId(value) ? value : pinIn(value)
  if (id !== undefined) return id
  context.addIssue({ code: 'custom', message: allowed, input: value })
  return z.NEVER
})

/** One identity or several, of which a server must have one. None at all would be no check. */
export const serverId = z.union([one.transform((id) => [id]), z.array(one).min(1, allowed)], {
  error: allowed,
})

/** The identities as they are compared: SPIFFE IDs, and `sha256:` with 64 lower-case hex digits. Throws `CONFIG_INVALID`. */
export function serverIdsIn(value: string | readonly string[] | undefined): readonly string[] | undefined {
  return parse(z.strictObject({ serverId: serverId.optional() }), 'the server', { serverId: value }).serverId
}

function pinIn(value: string): string | undefined {
  const [, base64] = /^sha256\/([a-z\d+/]{43})=?$/i.exec(value) ?? []
  if (base64 !== undefined) {
    const bytes = Buffer.from(base64, 'base64')
    // The last character has two bits too many: other ones would be a second way to write the same.
    return bytes.toString('base64').startsWith(base64) ? `sha256:${bytes.toString('hex')}` : undefined
  }
  const [, written = ''] = /^sha256:([a-f\d:]+)$/i.exec(value) ?? []
  const hex = written.replaceAll(':', '').toLowerCase()
  return hex.length === 64 ? `sha256:${hex}` : undefined
}
