// All data goes into the page as text, never as markup: names come from certificates and peers.

/** @import { Problem } from '../snapshot.js' */

/**
 * A part that the page is known to have.
 * @param {ParentNode} place
 * @param {string} selector
 */
export function part(place, selector) {
  /** @type {HTMLElement | null} */
  const found = place.querySelector(selector)
  if (!found) throw new Error(`the page has no ${selector}`)
  return found
}

/**
 * An element with text or children in it.
 * @param {string} name
 * @param {string} className
 * @param {(string | Node)[]} content
 */
export function make(name, className = '', ...content) {
  const element = document.createElement(name)
  if (className) element.className = className
  element.append(...content)
  return element
}

/**
 * Characters that move a cursor or turn text round are shown, not obeyed.
 * @param {string} text
 */
export function shown(text) {
  return text.replace(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`,
  )
}

/**
 * Sets text only where it is another: screen readers, selections and focus stay where they are.
 * @param {HTMLElement} element
 * @param {string} text
 */
export function say(element, text) {
  const wanted = shown(text)
  if (element.textContent !== wanted) element.textContent = wanted
}

/**
 * Text in which commands stand between backticks.
 * @param {HTMLElement} element
 * @param {string} text
 */
function sayWithCode(element, text) {
  if (element.dataset.text === text) return
  element.dataset.text = text
  const parts = text.split('`').map(shown)
  element.replaceChildren(...parts.map((text, index) => (index % 2 ? make('code', '', text) : text)))
}

/**
 * One element for each item, kept as long as the item is there.
 * @template Item
 * @param {HTMLElement} list
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => HTMLElement} create
 * @param {(element: HTMLElement, item: Item) => void} update
 */
export function keep(list, items, keyOf, create, update) {
  const children = /** @type {HTMLCollectionOf<HTMLElement>} */ (list.children)
  const before = new Map([...children].map((element) => [element.dataset.key, element]))
  for (const [index, item] of items.entries()) {
    const key = keyOf(item)
    const element = before.get(key) ?? create(item)
    element.dataset.key = key
    before.delete(key)
    if (children[index] !== element) list.insertBefore(element, children[index] ?? null)
    update(element, item)
  }
  for (const element of before.values()) element.remove()
}

/**
 * Pairs of term and description; what has no value is left out.
 * @param {HTMLElement} list
 * @param {readonly (readonly [term: string, value: string | null | undefined])[]} pairs
 */
export function facts(list, pairs) {
  const items = pairs.flatMap(([term, value]) =>
    value
      ? [
          { name: 'dt', term, text: term },
          { name: 'dd', term, text: value },
        ]
      : [],
  )
  keep(
    list,
    items,
    ({ name, term }) => `${name} ${term}`,
    ({ name }) => make(name),
    (element, { text }) => say(element, text),
  )
}

/**
 * What is wrong, and what to do about it.
 * @param {HTMLElement} list
 * @param {readonly Problem[]} all
 */
export function problems(list, all) {
  keep(
    list,
    all,
    ({ code, message }) => code + message,
    () => make('div', 'problem', make('strong'), make('span')),
    (element, { code, message, hint }) => {
      // What still works today: `isWarning` in pki says the same of certificates.
      if (code.endsWith('_EXPIRING') || code === 'CERT_OUTLIVES_CA' || code === 'DEGRADED')
        element.dataset.level = 'warning'
      say(part(element, 'strong'), message)
      sayWithCode(part(element, 'span'), hint)
    },
  )
}
