/** @import { MonitorEvent } from '../snapshot.js' */
import { make, part, say } from './elements.js'
import { glyphs } from './words.js'

export function createEvent() {
  const glyph = make('span', 'glyph')
  glyph.setAttribute('aria-hidden', 'true')
  return make('li', 'event', make('time'), glyph, make('p', '', make('b'), ' ', make('span')))
}

/**
 * @param {HTMLElement} row
 * @param {MonitorEvent} event
 */
export function updateEvent(row, { at, kind, name, level, text }) {
  row.dataset.level = level
  const time = part(row, 'time')
  time.setAttribute('datetime', at)
  time.title = at
  say(time, new Date(at).toLocaleTimeString())
  say(part(row, '.glyph'), kind === 'refused' ? '⊘' : glyphs[level])
  say(part(row, 'b'), name)
  say(part(row, 'p span'), text)
}
