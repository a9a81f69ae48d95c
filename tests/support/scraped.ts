/** The metrics on a health port. */
export async function scrape(port: number): Promise<string> {
  return (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
}

/** The value of a series that has all these labels. */
export function value(text: string, name: string, labels: Record<string, string> = {}): number | undefined {
  const line = text
    .split('\n')
    .find(
      (one) =>
        one.startsWith(`mcp_mtls_${name}{`) &&
        Object.entries(labels).every(([key, label]) => one.includes(`${key}="${label}"`)),
    )
  return line === undefined ? undefined : Number(line.split(' ').at(-1))
}
