/** Whose resources are: of all that list one, the server that comes first. */
export class Resources<Server> {
  readonly #servers: readonly Server[]
  readonly #uris = new Map<Server, ReadonlySet<string>>()
  readonly #templates = new Map<Server, readonly string[]>()

  constructor(servers: readonly Server[]) {
    this.#servers = servers
  }

  noteUris(server: Server, uris: readonly string[]): void {
    this.#uris.set(server, new Set(uris))
  }

  noteTemplates(server: Server, templates: readonly string[]): void {
    this.#templates.set(server, templates)
  }

  /** Undefined when no server has listed it, nor a template that it fits. */
  owner(uri: string): Server | undefined {
    return (
      this.#servers.find((server) => this.#uris.get(server)?.has(uri)) ??
      this.#servers.find((server) =>
        this.#templates.get(server)?.some((one) => one === uri || fits(uri, one)),
      )
    )
  }
}

/** Whether a URI may come of a template (RFC 6570): the text outside of its expressions is there, in order. In linear time. */
function fits(uri: string, template: string): boolean {
  const [start = '', ...rest] = template.split(/\{[^{}]*\}/)
  const end = rest.pop()
  if (end === undefined) return uri === template
  if (!uri.startsWith(start)) return false
  let at = start.length
  for (const text of rest) {
    const found = uri.indexOf(text, at)
    if (found < 0) return false
    at = found + text.length
  }
  return uri.endsWith(end) && uri.length - end.length >= at
}
