/** The one spelling of a host name that is compared: lower case, without the dot of the root at its end (RFC 9525 section 6.3). */
export function hostForm(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}
