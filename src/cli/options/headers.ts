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
