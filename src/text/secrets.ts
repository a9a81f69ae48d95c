/** A private key in PEM, whole or cut off, with real line ends or `\n` written out, in the form of a URL too. */
const pemKey =
  /-----BEGIN[A-Z\d %+]*PRIVATE(?:%20|[ +])KEY-----[\s\S]*?(?:-----END[A-Z\d %+]*PRIVATE(?:%20|[ +])KEY-----|$)/g
/**
 * The same without its first line, or in base64 once or twice more, as secrets of Kubernetes and of CI hold it: by the
 * first bytes of PKCS #8, PKCS #1, SEC 1 and OpenSSH keys, the object identifier of encrypted ones, and `-----BEGIN`.
 */
const base64Key =
  /(?:LS0tLS1CRUdJTi|0tLS0tQkVHSU|tLS0tLUJFR0lO|TFMwdExTMUNSVWRKVGl|b3BlbnNzaC1rZXktdjEA|MI[I-L][\w+/]{3}IBA[AD]|MI[GH][\w+/]AgE[AB]|M[A-H][\w+/]CAQ[AE]|M[\w+/]{1,40}(?:CSqGSIb3DQEFDT|kqhkiG9w0BBQ0|KoZIhvcNAQUN))(?:[\w+/=%]|-(?!-)|\s+(?=[\w+/=]{16})|\\+n)*/g
/** In hex: `-----BEGIN`, PKCS #8, PKCS #1 and SEC 1. */
const hexKey = /(?:(?:2d){5}424547494e|30(?:8[12])?[\da-f]{2,4}0201(?:003|0102|0002|0104))[\da-f]{32,}/gi
/** The private part of a JSON Web Key (RFC 7517). */
const jwkKey = /((?:\\?["'])d(?:\\?["'])\s*:\s*\\?["'])[\w-]{20,}/g
/** The user and password before the host of a URL (RFC 3986 section 3.2.1), even where a mistake has put more there. */
const userOfUrl = /((?:\b[a-z][a-z\d+.-]*:)?\/\/)(?:[^\s/?#"]*|[^\s/?#@":]*:[^\s"]{0,300})@/gi
/** Query values that are secret. */
const secretInQuery = /([?&#][^=&\s"']*(?:token|key|secret|pass|auth|sig|code)[^=&\s"']*=)[^&\s#"']+/gi

/** Text that may be shown: private keys, and credentials in URLs, are removed. */
export function withoutSecrets(text: string): string {
  return text
    .replace(pemKey, notShown)
    .replace(base64Key, notShown)
    .replace(hexKey, notShown)
    .replace(jwkKey, '$1…')
    .replace(userOfUrl, '$1…@')
    .replace(secretInQuery, '$1…')
}

const notShown = '(a private key, not shown)'

/** Whether the content of a file was given where its path belongs. */
export function isPemText(value: string): boolean {
  return value.includes('-----BEGIN ')
}
