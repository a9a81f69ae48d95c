import { withoutSecrets } from '../text/secrets.js'
import { urlIn } from '../text/url.js'
import { isLoopback } from './localhost.js'

const wanted = 'must be an http:// URL on this machine, such as http://127.0.0.1:9000/mcp'

/**
 * Why a server at this URL may not be exposed; undefined when it may. What goes there is not encrypted, and whoever
 * answers there is believed: so it must be on loopback.
 */
export function upstreamProblem(text: string): string | undefined {
  const shown = JSON.stringify(withoutSecrets(text))
  const url = urlIn(text)
  if (url?.protocol !== 'http:') return `${shown} ${wanted}`
  if (url.username !== '' || url.password !== '') return `${shown}: a URL may hold no user and no password`
  if (url.hash !== '') return `${shown}: a URL of a server has no fragment (#…)`
  if (!isLoopback(url.hostname))
    return `${shown}: ${url.hostname} is not this machine; only 127.0.0.1, ::1 and localhost are allowed`
  return undefined
}
