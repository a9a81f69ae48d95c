/** @import { CertificateStatus } from '../snapshot.js' */
import { facts, make, part, problems, say } from './elements.js'
import { day, dayMs, glyphs, plural, timeLeft } from './words.js'

/** Marks of the scale, in days. */
const marks = /** @type {const} */ ([
  [0, 'now'],
  [1, '1 d'],
  [7, '7 d'],
  [30, '30 d'],
  [90, '90 d'],
  [365, '1 y'],
  [3650, '10 y'],
])

/** The scale above the certificates. */
export function createScale() {
  return make('div', 'ticks', ...marks.map(([days, label]) => placed(make('span', '', label), days)))
}

export function createCertificate() {
  const ticks = marks.slice(1, -1).map(([days]) => placed(make('span', 'tick'), days))
  const track = make('div', 'track', ...ticks, make('span', 'fill'))
  track.setAttribute('aria-hidden', 'true')
  return make(
    'li',
    'life',
    make('div', 'who', make('h3'), make('p')),
    track,
    make('p', 'left', make('span'), make('small')),
    make('div', 'todo'),
    make('details', '', make('summary', '', 'Details'), make('dl')),
  )
}

/**
 * @param {HTMLElement} row
 * @param {CertificateStatus} certificate
 */
export function updateCertificate(row, certificate) {
  const { level, type, subject, issuer, serial, names, places, days_left: days } = certificate
  const { not_before: begin, not_after: end } = certificate
  row.dataset.level = level
  say(part(row, 'h3'), subject)
  say(part(row, '.who p'), `${type === 'crl' ? 'revocation list' : type} · ${placesText(places)}`)
  part(row, '.track').hidden = part(row, '.left').hidden = end === null
  if (end !== null && days !== null) {
    placed(part(row, '.fill'), (Date.parse(end) - Date.now()) / dayMs)
    say(part(row, '.left span'), `${glyphs[level]} ${timeLeft(end, days)}`)
    say(part(row, '.left small'), day(end))
  }
  problems(part(row, '.todo'), certificate.problems)
  facts(part(row, 'dl'), [
    ['Names', names.join(', ')],
    ['Issuer', issuer],
    ['Serial', serial],
    ['Valid', begin && `${begin} to ${end}`],
    ['Places', places.join(' · ')],
  ])
}

/** @param {readonly string[]} places */
function placesText([first = '', ...others]) {
  const short = first.includes('://') ? first : first.split('/').slice(-2).join('/')
  return others.length > 0 ? `${short} and ${plural(others.length, 'more place')}` : short
}

/**
 * Places an element at this number of days on a scale that gives the near future the most room.
 * @param {HTMLElement} element
 * @param {number} days
 */
function placed(element, days) {
  const share = Math.min(1, Math.log1p(Math.max(0, days)) / Math.log1p(3650))
  element.style.setProperty('--at', `${(share * 100).toFixed(2)}%`)
  return element
}
