/** A private key in PEM, whole or cut off, with real line ends or `\n` written out. */
const pemKey = /-----BEGIN [A-Z\d ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z\d ]*PRIVATE KEY-----|$)/g
/**
 * The same without its first line, or in base64 once more, as secrets of Kubernetes and of CI hold it: by the first bytes of
 * PKCS #8, PKCS #1 and SEC 1 keys, the object identifier of encrypted ones, and `-----BEGIN`.
 */
const base64Key =
  /(?:LS0tLS1CRUdJTi|MI[I-L][\w+/]{3}IBA[AD]|MI[GH][\w+/]AgE[AB]|M[A-H][\w+/]CAQ[AE]|M[\w+/]{1,40}(?:CSqGSIb3DQEFDT|kqhkiG9w0BBQ0|KoZIhvcNAQUN))(?:[\w+/=]|-(?!-)|\s+(?=[\w+/=]{16})|\\n)*/g
/** Who is before the host of a URL (RFC 3986 section 3.2.1), also where a mistake has put more than belongs there. */
const userOfUrl = /\b([a-z][a-z\d+.-]*:\/\/)(?:[^\s/?#"']*|[^\s/?#@"':]*:(?!\d*[/?#])[^\s"']{0,300})@/gi
/** Values of a query that are for one reader. */
const secretInQuery = /([?&][^=&\s"']*(?:token|key|secret|pass|auth|sig|code)[^=&\s"']*=)[^&\s#"']+/gi

/** A text as it may be shown: private keys, and what opens a door in a URL, are taken out. */
export function withoutSecrets(text: string): string {
  return text
    .replace(pemKey, notShown)
    .replace(base64Key, notShown)
    .replace(userOfUrl, '$1…@')
    .replace(secretInQuery, '$1…')
}

const notShown = '(a private key, not shown)'

/** Whether somebody has put the text of a file where its path belongs. */
export function isPemText(value: string): boolean {
  return value.includes('-----BEGIN ')
}
