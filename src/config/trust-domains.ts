import { z } from 'zod'
import { isTrustDomain } from '../text/spiffe.js'
import { path, text } from './values.js'

/** CAs of one file, and the trust domain that they speak for. */
export interface TrustDomainFile {
  readonly domain: string
  readonly caCert: string
}

const wanted = "options are wanted: { 'example.org': 'ca-a.crt' }"
const domainMessage = 'must be a trust domain as in spiffe://example.org: lower case, without scheme and path'

const domain = z.string().refine(isTrustDomain, domainMessage)

/** `{ 'example.org': 'ca-a.crt' | ['…'] }` → one entry for each file. */
export const trustDomains = z
  .record(domain, z.union([path, z.array(path).min(1, 'may not be empty')]), {
    error: ({ code }) => (code === 'invalid_key' ? domainMessage : wanted),
  })
  .transform((domains): readonly TrustDomainFile[] =>
    Object.entries(domains).flatMap(([domain, files]) =>
      [files].flat().map((caCert) => ({ domain, caCert })),
    ),
  )

/** `example.org=ca-a.crt,partner.example=ca-b.crt`, where a domain may stand twice. */
export const trustDomainsText = text.transform((value, context): Record<string, string[]> => {
  const domains = new Map<string, string[]>()
  for (const item of value.split(',').map((item) => item.trim())) {
    if (item === '') continue
    const [, name = '', file = ''] = /^([^=]*)=(.*)$/.exec(item) ?? []
    const caCert = path.safeParse(file)
    if (isTrustDomain(name.trim()) && caCert.success)
      domains.set(name.trim(), [...(domains.get(name.trim()) ?? []), caCert.data])
    else
      context.addIssue({
        code: 'custom',
        message: 'allowed is example.org=ca-a.crt,partner.example=ca-b.crt',
        input: value,
      })
  }
  if (domains.size === 0 && context.issues.length === 0)
    context.addIssue({ code: 'custom', message: 'names no trust domain', input: value })
  return Object.fromEntries(domains)
})
