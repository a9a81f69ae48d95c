const names = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'] as const

/** The variables that name a proxy for `https://` URLs to other programs. We connect directly. */
export function proxyVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  return names.filter((name) => env[name])
}
