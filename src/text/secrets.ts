/** A private key in PEM, whole or cut off, with real line ends or `\n` written out. */
const keyText = /-----BEGIN [A-Z\d ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z\d ]*PRIVATE KEY-----|$)/g
/** Who is before the host of a URL (RFC 3986 section 3.2.1). */
const userOfUrl = /\b([a-z][a-z\d+.-]*:\/\/)[^\s/?#@"']*:[^\s/?#"']*@/gi

/** A text as it may be shown: private keys and the passwords of URLs are taken out. */
export function withoutSecrets(text: string): string {
  return text.replace(keyText, '(a private key, not shown)').replace(userOfUrl, '$1…@')
}

/** Whether somebody has put the text of a file where its path belongs. */
export function isPemText(value: string): boolean {
  return value.includes('-----BEGIN ')
}
