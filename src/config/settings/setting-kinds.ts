/** How help names the values of a setting. `setting-values.ts` parses their text. */
export interface Kind<Value> {
  readonly name: KindName
  readonly placeholder: string
  /** For the kind `choice`. */
  readonly choices?: readonly string[]
  /** For types alone. */
  readonly value?: Value
}

export type KindName =
  | 'boolean'
  | 'port'
  | 'count'
  | 'duration'
  | 'text'
  | 'secret'
  | 'path'
  | 'url'
  | 'list'
  | 'domains'
  | 'checkpoint'
  | 'size'
  | 'keys'
  | 'choice'

export const booleanText: Kind<boolean> = { name: 'boolean', placeholder: 'true|false' }
export const portText: Kind<number> = { name: 'port', placeholder: 'port' }
export const countText: Kind<number> = { name: 'count', placeholder: 'number' }
export const durationText: Kind<number> = { name: 'duration', placeholder: 'duration' }
export const plainText: Kind<string> = { name: 'text', placeholder: 'text' }
export const secretText: Kind<string> = { name: 'secret', placeholder: 'secret' }
export const pathText: Kind<string> = { name: 'path', placeholder: 'path' }
/** Checked together with the settings that decide what is allowed. */
export const serverUrlText: Kind<string> = { name: 'text', placeholder: 'url' }
export const urlText: Kind<string> = { name: 'url', placeholder: 'url' }
export const listText: Kind<string[]> = { name: 'list', placeholder: 'a,b,…' }

/** Trust domains, each with the files of its CAs. */
export const trustDomainsText: Kind<Record<string, string[]>> = {
  name: 'domains',
  placeholder: 'domain=path,…',
}

/** After how many lines, and after how much time. */
export const checkpointText: Kind<{ readonly lines?: number; readonly ms?: number }> = {
  name: 'checkpoint',
  placeholder: 'lines,time',
}
export const sizeText: Kind<number> = { name: 'size', placeholder: 'size' }
/** A list in which an empty item is a mistake. */
export const keysText: Kind<string[]> = { name: 'keys', placeholder: 'a,b,…' }

export function choiceText<const Values extends readonly [string, ...string[]]>(
  choices: Values,
): Kind<Values[number]> {
  return { name: 'choice', placeholder: choices.join('|'), choices }
}
