import { hasStar, isTrapUri, patternOf } from './pattern.js'
import type { Rule, TargetKind } from './rule.js'
import { formsOf } from './uri-forms.js'

/** Whether names fit one entry of a list. */
export interface Matcher {
  /** The only name that fits, if there is one. */
  readonly only?: string
  readonly matches: (name: string) => boolean
  /** Whether the template of resources (RFC 6570) is about something that the entry names. */
  readonly matchesTemplate: (template: string) => boolean
}

/** `*` alone is every name. */
export function matcherOf(text: string, kind: TargetKind | 'servers', effect: Rule['effect']): Matcher {
  if (text === '*') {
    // Where it denies, it denies all.
    const matches = kind === 'resources' && effect === 'allow' ? (uri: string) => !isTrapUri(uri) : () => true
    return { matches, matchesTemplate: matches }
  }
  if (kind === 'resources' && effect === 'deny') return denyingMatcher(text)
  const pattern = patternOf(text, kind === 'resources' ? 'uri' : 'name')
  const { matches, canBegin } = pattern
  const matchesTemplate = (template: string) => canBegin(template.replace(/\{.*/s, ''))
  return { matches, matchesTemplate, ...(!hasStar(text) && { only: text }) }
}

/** A server may take another spelling for the resource that is denied: where nothing is allowed by it, more of them count. */
function denyingMatcher(text: string): Matcher {
  const { matches } = patternOf(text, 'uri')
  const spelled = hasStar(text) ? [] : formsOf(text)
  const fits = (uri: string) => matches(uri) || spelled.includes(uri)
  return {
    matches: (uri) => fits(uri) || formsOf(uri).some(fits),
    // What denies a part of what a template stands for does not hide the template.
    matchesTemplate: matches,
  }
}

/** Whether a URI is a template: it stands for many resources. */
export function isTemplate(uri: string): boolean {
  return uri.includes('{')
}
