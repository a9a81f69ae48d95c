import { type Authority, createAuthority, type Issued, issue, selfSigned } from '../../pki/index.js'
import type { ClientIdentity } from '../connect/open-tls.js'

/** Client certificates that must be rejected. They exist in memory only. */
export type Strangers = Readonly<
  Record<'otherCa' | 'selfSigned' | 'expired' | 'serverAsClient', ClientIdentity>
>

/**
 * Creates them. With the server's CA, certificates that are wrong in other ways have a valid signature; without it the
 * last two come from an unknown CA as well.
 */
export async function makeStrangers(ca?: Authority): Promise<Strangers> {
  const client = { type: 'client', commonName: 'stranger' } as const
  const other = await createAuthority({ commonName: 'Some other CA' })
  const issuer = ca ?? other
  // Valid for one second at the start of its CA's life: CAs are backdated, so it has expired even if the CA is new.
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
