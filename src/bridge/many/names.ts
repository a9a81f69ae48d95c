import { createHash } from 'node:crypto'

/** Something that a server has under a name of its own. */
export interface Owned<Server> {
  readonly server: Server
  readonly name: string
}

/** Characters that every client takes in names of tools. */
const longest = 64
/** What is left of the name of a server before a long one of a tool. */
const shortestServer = 16
/** Of a name that a server gives: longer ones are left out. */
const longestKept = 1000
/** Of one server, ever: what has more changes its names on purpose. */
const namesAtMost = 10_000

/**
 * What tools or prompts of several servers are called, so that no two have one name: as they call them, and where that is not enough
 * with the name of their server before it. A name never changes its meaning: whoever had it first keeps it, and once two servers have
 * had the same one both are told apart.
 */
export class Names<Server extends { readonly name: string }> {
  readonly #owners = new Map<string, Owned<Server>>()
  /** Whose a name would be if it were as they call it. */
  readonly #claims = new Map<string, Owned<Server>[]>()
  readonly #counts = new Map<Server, number>()

  /** Says what a server has. Names of several servers that are asked for together are all told before the first is shown. */
  note(server: Server, name: string): void {
    if (name.length > longestKept) return
    const plain = allowed(name)
    const claims = this.#claims.get(plain) ?? []
    if (claims.some((one) => isSame(one, { server, name }))) return
    const count = this.#counts.get(server) ?? 0
    if (count >= namesAtMost) return
    this.#counts.set(server, count + 1)
    this.#claims.set(plain, [...claims, { server, name }])
  }

  /** What a client sees; undefined when the server has had too many names. */
  shown(server: Server, name: string): string | undefined {
    const owned = { server, name }
    const plain = allowed(name)
    const claims = this.#claims.get(plain) ?? []
    if (!claims.some((one) => isSame(one, owned))) return undefined
    const free = [...(claims.length === 1 ? [plain] : []), ...longerNames(owned)].find((one) => {
      const owner = this.#owners.get(one)
      return owner === undefined || isSame(owner, owned)
    })
    if (free !== undefined) this.#owners.set(free, owned)
    return free
  }

  /** Whose a name is that was shown once. */
  owner(shown: string): Owned<Server> | undefined {
    return this.#owners.get(shown)
  }
}

function isSame<Server>(one: Owned<Server>, other: Owned<Server>): boolean {
  return one.server === other.server && one.name === other.name
}

/**
 * With the name of the server; where that is too long or still taken, with a part that no other has, and as much of both names as
 * there is room for: rather that of the tool.
 */
function longerNames<Server extends { readonly name: string }>({ server, name }: Owned<Server>): string[] {
  const full = `${server.name}_${name}`
  const mark = createHash('sha256')
    .update(JSON.stringify([server.name, name]))
    .digest('hex')
    .slice(0, 8)
  const room = Math.max(shortestServer, longest - name.length - mark.length - 2)
  const marked = allowed(`${server.name.slice(0, room)}_${mark}_${name}`)
  return full.length <= longest ? [allowed(full), marked] : [marked]
}

function allowed(name: string): string {
  return name.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, longest) || '_'
}
