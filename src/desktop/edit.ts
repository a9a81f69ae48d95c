import { isDeepStrictEqual } from 'node:util'
import type { DesktopClient } from './clients.js'
import { type Entry, isObject, launchOf } from './launch.js'
import { printedJson, readJson } from './source/json.js'
import { NotUnderstood, type Reader, type Source } from './source/source.js'
import { printedToml, readToml } from './source/toml.js'
import { printedYaml, readYaml } from './source/yaml.js'

// Changes texts of clients. Each change is read back: what differs must be the one server, whatever the text looked like.

/** What of a client matters for its text. */
export type Written = Pick<DesktopClient, 'format' | 'key' | 'otherKey' | 'isList' | 'begins'>

const readers: Readonly<Record<DesktopClient['format'], Reader>> = {
  json: readJson,
  toml: readToml,
  yaml: readYaml,
}

/** The servers in a text by name. Throws `NotUnderstood`. */
export function entriesIn(of: Written, text: string): ReadonlyMap<string, unknown> {
  const { body } = parts(text)
  return read(located(of, body), body).entries
}

/** The text with a server, of a file that may not be there. Throws `NotUnderstood`. */
export function withEntry(of: Written, text: string | undefined, name: string, entry: Entry): string {
  const { mark, body } = parts(text ?? '')
  const before = body.trim() === '' ? (of.begins ?? '') : body
  const client = located(of, before)
  const source = read(client, before)
  const after = endedAs(before, source.with(name, entry))
  if (!isChanged(client, source, after, name, entry)) throw unsafe(before)
  return mark + after
}

/**
 * The text without a server that is in it; undefined when there was no file before the server came into one. `backup` is the text
 * before the last change of ours: where putting the server there gives this text, it is what was there, to the last byte.
 * Throws `NotUnderstood`.
 */
export function withoutEntry(
  of: Written,
  text: string,
  name: string,
  backup: string | undefined,
): string | undefined {
  const { mark, body } = parts(text)
  const client = located(of, body)
  const source = read(client, body)
  const entry = source.entries.get(name) as Entry
  const cameFrom = (before: string | undefined): boolean => {
    try {
      if (before !== undefined && entriesIn(of, before).has(name)) return false
      return withEntry(of, before, name, entry) === text
    } catch (error) {
      if (error instanceof NotUnderstood) return false
      throw error
    }
  }
  if (cameFrom(backup)) return backup
  const ways = source
    .without(name)
    .map((after) => endedAs(body, after))
    .filter((after) => isChanged(client, source, after, name, undefined))
  const kept = ways.at(-1)
  if (kept === undefined) throw unsafe(body)
  return mark + (ways.find((after) => cameFrom(mark + after)) ?? kept)
}

/** For people: a server as it stands in a file of its own. */
export function printed({ format, key, isList }: Written, name: string, entry: Entry): string {
  if (format === 'toml') return printedToml(key, name, entry)
  return format === 'yaml' ? printedYaml(key, name, entry, isList) : printedJson(key, name, entry)
}

/** The mark that Windows puts before UTF-8, and the rest. */
function parts(text: string): { readonly mark: string; readonly body: string } {
  const mark = text.startsWith('\ufeff') ? '\ufeff' : ''
  return { mark, body: text.slice(mark.length) }
}

/** A text whose last line has an end only if that of before has one, so that it can be told later which it was. */
function endedAs(before: string, after: string): string {
  return before === '' || before.endsWith('\n') ? after : after.replace(/\r?\n$/, '')
}

function unsafe(text: string): NotUnderstood {
  return new NotUnderstood('is written in a way that cannot be changed safely', text, 0)
}

/** The client, with the keys that this text has. */
function located(client: Written, text: string): Written {
  const { otherKey } = client
  if (otherKey === undefined) return client
  const inner = otherKey.reduce<unknown>(
    (value, key) => (isObject(value) ? value[key] : undefined),
    read(client, text).value,
  )
  // A server may be called like the last of the keys.
  return isObject(inner) && launchOf(inner) === undefined ? { ...client, key: otherKey } : client
}

function read(client: Written, text: string): Source {
  return readers[client.format](text, client)
}

/** Whether a text says what it said, but for this one server. */
function isChanged(
  client: Written,
  before: Source,
  after: string,
  name: string,
  entry: Entry | undefined,
): boolean {
  const others = (value: unknown) => without(value, client.key, name)
  try {
    const now = read(client, after)
    return (
      isDeepStrictEqual(now.entries.get(name), entry) &&
      isDeepStrictEqual(others(now.value), others(before.value))
    )
  } catch (error) {
    if (error instanceof NotUnderstood) return false
    throw error
  }
}

/** The value without that server, and without what is empty then. */
function without(value: unknown, [key, ...deeper]: readonly string[], name: string): unknown {
  if (!isObject(value) || key === undefined) return value
  const { [key]: inner, ...rest } = value
  const left = deeper.length > 0 ? without(inner, deeper, name) : withoutServer(inner, name)
  const isEmpty = left === undefined || left === null || Object.keys(left).length === 0
  return isEmpty ? rest : { ...rest, [key]: left }
}

function withoutServer(servers: unknown, name: string): unknown {
  if (Array.isArray(servers)) return servers.filter((one) => !isObject(one) || one.name !== name)
  if (!isObject(servers)) return servers
  const { [name]: _one, ...others } = servers
  return others
}
