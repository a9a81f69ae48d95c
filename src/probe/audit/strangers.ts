import { type Authority, createAuthority, type Issued, issue, selfSigned } from '../../pki/index.js'
import type { ClientIdentity } from '../connect/open-tls.js'

/** Client certificates that must open nothing. They live in memory alone. */
export type Strangers = Readonly<
  Record<'otherCa' | 'selfSigned' | 'expired' | 'serverAsClient', ClientIdentity>
>

/**
 * Makes them. Who has the CA of the server can have a good signature under what is otherwise wrong; without it the
 * last two are of an unknown CA as well.
 */
export async function makeStrangers(ca?: Authority): Promise<Strangers> {
  const client = { type: 'client', commonName: 'stranger' } as const
  const other = await createAuthority({ commonName: 'Some other CA' })
  const issuer = ca ?? other
  // In the first seconds of its CA's life and for one of them: CAs are backdated, so that is over even if it is new.
  const once = { now: new Date(issuer.facts.notBefore.getTime() + 1000) }
  return {
    otherCa: toIdentity(await issue(other, client)),
    selfSigned: toIdentity(await selfSigned(client)),
    expired: toIdentity(await issue(issuer, { ...client, validityDays: 1 / 86_400 }, once)),
    serverAsClient: toIdentity(await issue(issuer, { type: 'server', commonName: 'stranger' })),
  }
}

function toIdentity({ certificate, privateKey }: Issued): ClientIdentity {
  return { cert: certificate, key: privateKey }
}
