/** A host name normalized for comparison: lower case, without the trailing root dot (RFC 9525 section 6.3). */
export function hostForm(name: string): string {
  return name.toLowerCase().replace(/\.$/, '')
}
