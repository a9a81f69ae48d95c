/**
 * Runs in the page, as a module of its own: no part of it is made from data. It puts what it gets into the page as
 * text alone: names come from certificates and peers.
 */
export const pageScript = String.raw`
const glyphs = { ok: '✓', warning: '!', critical: '✗', waiting: '…' }
const byId = (id) => document.getElementById(id)

/** Characters that move a cursor or turn text round are shown, not obeyed. */
function shown(text) {
  return String(text ?? '').replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (character) => '\\u{' + character.codePointAt(0).toString(16) + '}')
}

/** An element with text or children in it. */
function make(name, className, ...content) {
  const element = document.createElement(name)
  if (className) element.className = className
  element.append(...content)
  return element
}

/** Sets text only where it is another: screen readers, selections and focus stay where they are. */
function say(element, text) {
  const wanted = shown(text)
  if (element.textContent !== wanted) element.textContent = wanted
}

/** One element for each item, kept as long as the item is there. */
function keep(list, items, keyOf, create, update) {
  const before = new Map([...list.children].map((element) => [element.dataset.key, element]))
  items.forEach((item, index) => {
    const key = String(keyOf(item))
    let element = before.get(key)
    if (!element) {
      element = create(item)
      element.dataset.key = key
    }
    before.delete(key)
    if (list.children[index] !== element) list.insertBefore(element, list.children[index] ?? null)
    update(element, item)
  })
  for (const element of before.values()) element.remove()
}

/** Pairs of term and description; what has no value is left out. */
function facts(list, pairs) {
  const present = pairs.filter(([, value]) => value !== null && value !== undefined && value !== '')
  keep(list, present.flatMap(([term, value]) => [['dt', term, term], ['dd', term, value]]),
    ([kind, term]) => kind + ' ' + term, ([kind]) => make(kind), (element, [, , text]) => say(element, text))
}

/** Text in which commands stand between backticks. */
function sayWithCode(element, text) {
  if (element.dataset.text === text) return
  element.dataset.text = text
  element.replaceChildren(...text.split('\x60').map((part, index) => index % 2 ? make('code', '', shown(part)) : shown(part)))
}

/** What is wrong, and what to do about it. */
function problems(list, all) {
  keep(list, all, ({ code, message }) => code + message, () => make('div', 'problem', make('strong'), make('span')), (element, { code, message, hint }) => {
    if (code.endsWith('_EXPIRING') || code === 'CERT_OUTLIVES_CA' || code === 'DEGRADED') element.dataset.level = 'warning'
    say(element.children[0], message)
    sayWithCode(element.children[1], hint)
  })
}

const plural = (count, one, many = one + 's') => count + ' ' + (count === 1 ? one : many)
const dayMs = 86400000

function daysText(days, ends) {
  if (ends === null) return ''
  const left = Date.parse(ends) - Date.now()
  if (left < 0) return 'expired'
  if (left < dayMs) return left < 3600000 ? plural(Math.floor(left / 60000), 'minute') : plural(Math.floor(left / 3600000), 'hour')
  return days < 1000 ? plural(days, 'day') : (days / 365.25).toFixed(1) + ' years'
}

const day = (moment) => moment === null ? '' : moment.slice(0, 10)

function ago(moment) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(moment)) / 1000))
  if (seconds < 60) return seconds + ' s'
  if (seconds < 3600) return Math.floor(seconds / 60) + ' min'
  return seconds < 172800 ? Math.floor(seconds / 3600) + ' h' : Math.floor(seconds / 86400) + ' days'
}

// --- servers ---

const svg = (name, attributes) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  return element
}

const slots = 60

/** Latencies as a line, looks without an answer as marks at its foot. */
function spark(chart, latencies) {
  const highest = Math.max(1, ...latencies.map((value) => value ?? 0))
  const x = (index) => (index + slots - latencies.length) * 120 / (slots - 1)
  const y = (value) => 31 - 27 * value / highest
  const runs = []
  latencies.forEach((value, index) => {
    if (value === null) return
    if (index === 0 || latencies[index - 1] === null) runs.push([])
    runs.at(-1).push([x(index).toFixed(1), y(value).toFixed(1)])
  })
  const lines = runs.map((run) => 'M' + run.map((point) => point.join(' ')).join('L') + (run.length === 1 ? 'h.01' : '')).join('')
  const areas = runs.map((run) => 'M' + run[0][0] + ' 34L' + run.map((point) => point.join(' ')).join('L') + 'L' + run.at(-1)[0] + ' 34Z').join('')
  const missed = latencies.map((value, index) => value === null ? 'M' + x(index).toFixed(1) + ' 34v-8' : '').join('')
  chart.replaceChildren(
    svg('path', { class: 'base', d: 'M0 34H120' }), svg('path', { class: 'area', d: areas }),
    svg('path', { class: 'line', d: lines }), svg('path', { class: 'missed', d: missed }))
}

function createServer() {
  const chart = svg('svg', { class: 'spark', viewBox: '0 0 120 34', preserveAspectRatio: 'none', 'aria-hidden': 'true' })
  return make('li', 'card',
    make('div', '', make('div', 'head', make('h3'), make('p', 'pill')), make('p', 'place')),
    make('div', 'problems'),
    make('div', 'pulse', make('p', 'latency', make('span'), make('small')), chart),
    make('dl'))
}

function updateServer(card, server) {
  const { health, tls, refused } = server
  const looked = server.latencies_ms.length > 0
  card.dataset.level = looked ? server.level : 'waiting'
  const find = (selector) => card.querySelector(selector)
  say(find('h3'), server.name)
  say(find('.place'), server.url)
  say(find('.pill'), looked ? glyphs[server.level] + ' ' + server.state : 'looking')
  find('.pill').title = 'since ' + server.since
  problems(find('.problems'), server.problem ? [server.problem] : [])
  find('.problems').hidden = !server.problem
  const [figure, unit] = find('.latency').children
  say(figure, server.latency_ms === null ? '–' : server.latency_ms < 10 ? server.latency_ms.toFixed(1) : Math.round(server.latency_ms))
  say(unit, server.latency_ms === null ? ' no answer' : ' ms')
  spark(find('.spark'), server.latencies_ms)
  const strangers = Object.entries(refused ?? {})
  facts(find('dl'), [
    ['TLS', tls && [tls.version?.replace('TLSv', 'TLS '), tls.key_exchange].filter(Boolean).join(', ')],
    ['Suite', tls?.cipher],
    ['Identity', server.identity && server.identity.id + (server.identity.verified ? '' : ' (not verified)')],
    ['Certificate', server.certificate && 'until ' + day(server.certificate.not_after)],
    ['Server', health && health.server + ' ' + health.version + ', ' + health.mode + ' mode'],
    ['Up for', health && ago(new Date(Date.now() - health.uptime_seconds * 1000).toISOString())],
    ['Refused', refused && (strangers.map(([reason, count]) => count + ' × ' + reason).join(', ') || 'nobody')],
  ])
}

// --- certificates ---

const scale = [[0, 'now'], [1, '1 d'], [7, '7 d'], [30, '30 d'], [90, '90 d'], [365, '1 y'], [3650, '10 y']]
/** Days on a scale that gives the near future the most room. */
const at = (days) => Math.min(1, Math.log1p(Math.max(0, days)) / Math.log1p(3650))
const percent = (share) => (share * 100).toFixed(2) + '%'

function drawScale(place) {
  const ticks = make('div', 'ticks')
  for (const [days, label] of scale) {
    const tick = make('span', '', label)
    tick.style.setProperty('--at', percent(at(days)))
    ticks.append(tick)
  }
  place.append(ticks)
}

function createLife() {
  const track = make('div', 'track')
  track.setAttribute('aria-hidden', 'true')
  for (const [days] of scale.slice(1, -1)) {
    const tick = make('span', 'tick')
    tick.style.setProperty('--at', percent(at(days)))
    track.append(tick)
  }
  track.append(make('span', 'fill'))
  return make('li', 'life',
    make('div', 'who', make('h3'), make('p')),
    track,
    make('p', 'left', make('span'), make('small')),
    make('div', 'todo'),
    make('details', '', make('summary', '', 'Details'), make('dl')))
}

function updateLife(row, certificate) {
  row.dataset.level = certificate.level
  const find = (selector) => row.querySelector(selector)
  const [first, ...others] = certificate.places
  say(find('h3'), certificate.subject)
  const kind = certificate.type === 'crl' ? 'revocation list' : certificate.type
  say(find('.who p'), kind + ' · ' + (first.includes('://') ? first : first.split('/').slice(-2).join('/')) + (others.length ? ' and ' + plural(others.length, 'more place') : ''))
  find('.track').hidden = find('.left').hidden = certificate.not_after === null
  if (certificate.not_after !== null) {
    find('.fill').style.setProperty('--at', percent(at((Date.parse(certificate.not_after) - Date.now()) / dayMs)))
    const [left, end] = find('.left').children
    say(left, glyphs[certificate.level] + ' ' + daysText(certificate.days_left, certificate.not_after))
    say(end, day(certificate.not_after))
  }
  problems(find('.todo'), certificate.problems)
  facts(find('dl'), [
    ['Names', certificate.names.join(', ')],
    ['Issuer', certificate.issuer],
    ['Serial', certificate.serial],
    ['Valid', certificate.not_before && certificate.not_before + ' to ' + certificate.not_after],
    ['Places', certificate.places.join(' · ')],
  ])
}

// --- events ---

function createEvent() {
  const glyph = make('span', 'glyph')
  glyph.setAttribute('aria-hidden', 'true')
  return make('li', 'event', make('time'), glyph, make('p', '', make('b'), ' ', make('span')))
}

function updateEvent(row, event) {
  row.dataset.level = event.level
  const [time, glyph, text] = row.children
  time.dateTime = event.at
  say(time, new Date(event.at).toLocaleTimeString())
  time.title = event.at
  say(glyph, event.kind === 'refused' ? '⊘' : glyphs[event.level])
  say(text.children[0], event.name)
  say(text.children[1], event.text)
}

// --- the whole ---

/** A name as long as it may be in a headline. */
const short = (name) => name.length > 40 ? name.slice(0, 39) + '…' : name

/** Its worst problem as a word or two. */
function trouble({ problems: [problem] }) {
  return (problem?.code ?? 'BROKEN').replace(/^(CERT|CRL)_/, '').replaceAll('_', ' ').toLowerCase()
}

function verdict({ level, servers, certificates }) {
  const bad = servers.filter((server) => server.level !== 'ok')
  const broken = certificates.filter((certificate) => certificate.level === 'critical')
  const soon = certificates.filter((certificate) => certificate.level === 'warning')
  const next = certificates.find((certificate) => certificate.not_after !== null)
  const overview = [
    servers.length ? (servers.length - bad.length) + ' of ' + plural(servers.length, 'server') + ' up' : '',
    next ? plural(certificates.length, 'certificate') + ', the first ends on ' + day(next.not_after) : '',
  ].filter(Boolean).join(' · ')
  const all = [
    ...bad.map((server) => server.name + ' is ' + server.state),
    ...broken.map((certificate) => short(certificate.subject) + ': ' + trouble(certificate)),
    ...soon.map((certificate) => short(certificate.subject) + ' ends soon'),
  ]
  if (all.length > 0) {
    const more = all.length > 4 ? ' · and ' + (all.length - 4) + ' more' : ''
    return { level, headline: all.length === 1 ? all[0] : all.length + ' things need attention', summary: all.length === 1 ? overview : all.slice(0, 4).join(' · ') + more }
  }
  return { level, headline: 'All is well', summary: overview }
}

let lastAt

function show({ snapshot, events, version }) {
  lastAt = snapshot.at
  const looked = snapshot.certificates.length > 0 || snapshot.servers.some((server) => server.latencies_ms.length > 0)
  const { level, headline, summary } = verdict(snapshot)
  const place = byId('verdict')
  if (looked) {
    place.dataset.level = level
    say(place.querySelector('.glyph'), glyphs[level])
    say(place.querySelector('h1'), headline)
    say(byId('summary'), summary)
    document.title = glyphs[level] + ' ' + shown(headline) + ' – mcp-mtls monitor'
  }
  const fill = (id, items, ...how) => {
    keep(byId(id).querySelector('ul, ol'), items, ...how)
    byId(id).querySelector('.empty').hidden = items.length > 0
  }
  fill('servers', snapshot.servers, (server) => server.name, createServer, updateServer)
  fill('certificates', snapshot.certificates, (certificate) => certificate.key, createLife, updateLife)
  byId('certificates').querySelector('.scale').hidden = snapshot.certificates.length === 0
  fill('events', [...events].reverse(), (event) => event.id, createEvent, updateEvent)
  say(byId('version'), version)
  tick()
}

const link = byId('link')

function tick() {
  if (link.dataset.state === 'live' && lastAt) say(link, 'live, ' + ago(lastAt) + ' ago')
  if (link.dataset.state === 'lost') say(link, lastAt ? 'connection lost, as of ' + ago(lastAt) + ' ago' : 'no connection')
}

function listen() {
  const updates = new EventSource('/updates')
  updates.onopen = () => { link.dataset.state = 'live'; tick() }
  updates.onmessage = ({ data }) => show(JSON.parse(data))
  updates.onerror = () => {
    link.dataset.state = 'lost'
    tick()
    // After some failures a browser gives up by itself.
    if (updates.readyState === EventSource.CLOSED) setTimeout(listen, 2000)
  }
}

drawScale(document.querySelector('.scale'))
setInterval(tick, 1000)
listen()
`
