import { bracketed } from '../text/host.js'
import { withoutSecrets } from '../text/secrets.js'
import { urlIn } from '../text/url.js'

const example = 'https://app.example'

/** Why no `Origin` header of a browser could match this origin or host name; undefined when one can. */
export function originProblem(text: string): string | undefined {
  const shown = JSON.stringify(shownOrigin(text))
  if (text === 'null')
    return `${shown}: files and sandboxed pages of anybody send it; name an origin, such as ${example}`
  if (text.includes('*') && !everyOfScheme.test(text))
    return `${shown}: there are no wildcards; name each origin, such as ${example}`
  const meant = originMeant(text)
  if (meant === text) return undefined
  return meant === undefined
    ? `${shown}: expected an origin, such as ${example}, or the host name in it`
    : `${shown}: did you mean ${meant}?`
}

/** Where a scheme belongs to one program, its hosts may be random: `vscode-webview://*`. */
const everyOfScheme = /^(?!https?:)[a-z][a-z\d+.-]*:\/\/\*$/

/** In the one spelling that browsers send. */
function originMeant(text: string): string | undefined {
  if (/^https?:/i.test(text)) return urlIn(text)?.origin
  const [, scheme, host] = /^([a-z][a-z\d+.-]*):\/\/(.*)$/i.exec(text) ?? []
  if (scheme !== undefined) {
    const [authority] = /^[^\s/?#@,\\]+/.exec(host ?? '') ?? []
    return authority && `${scheme.toLowerCase()}://${authority}`
  }
  const url = urlIn(`https://${bracketed(text)}`)
  if (!url) return undefined
  const { port, origin, hostname } = url
  return port === '' ? hostname : origin
}

function shownOrigin(text: string): string {
  return withoutSecrets(text).replace(/^([a-z][a-z\d+.-]*:\/\/)?[^/?#]*@/i, '$1…@')
}
