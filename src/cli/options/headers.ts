import { headerProblem } from '../../config/header-problem.js'
import { MtlsError } from '../../errors.js'
import { ofPeer } from '../../text/of-peer.js'

/** Of `--header`. Throws `CONFIG_INVALID`, and shows no value: it is often a secret. */
export function headersOf(lines: readonly string[] = []): Record<string, string> {
  const headers = lines.map((line) => {
    const [, name = '', value = ''] = /^([^:]*):[\t ]*([\s\S]*?)[\t ]*$/.exec(line) ?? []
    const problem = name === '' ? 'expected NAME: VALUE' : headerProblem(name, value)
    if (problem === undefined) return [name, value] as const
    throw new MtlsError('CONFIG_INVALID', `--header${name === '' ? '' : ` ${ofPeer(name, 60)}`}: ${problem}`)
  })
  return Object.fromEntries(headers)
}

/** The same, for several servers: what is meant for one host is shown to no other. Throws `CONFIG_INVALID`. */
export function headersFor(urls: readonly URL[], lines: readonly string[] = []): Record<string, string> {
  const headers = headersOf(lines)
  const origins = new Set(urls.map(({ origin }) => origin))
  if (lines.length === 0 || origins.size < 2) return headers
  throw new MtlsError(
    'CONFIG_INVALID',
    `--header is for one server, and there are ${origins.size}: each of them would get it`,
    { hint: 'Write it as "headers" of the server that it is for, in the file of --config.' },
  )
}
