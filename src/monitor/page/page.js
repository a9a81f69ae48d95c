// The page of the monitor: shows each update that the monitor sends.

/** @import { Update } from '../snapshot.js' */
import { createCertificate, createScale, updateCertificate } from './certificates.js'
import { keep, part, say, shown } from './elements.js'
import { createEvent, updateEvent } from './events.js'
import { createServer, updateServer } from './servers.js'
import { verdict } from './verdict.js'
import { ago, glyphs } from './words.js'

const link = part(document, '#link')
/**
 * When something was last looked at.
 * @type {string | undefined}
 */
let lastAt

/** @param {Update} update */
function show({ snapshot, events, version }) {
  const { at, servers, certificates } = snapshot
  lastAt = at
  if (certificates.length > 0 || servers.some(({ latencies_ms }) => latencies_ms.length > 0))
    showVerdict(snapshot)
  fill('#servers', servers, ({ name }) => name, createServer, updateServer)
  fill('#certificates', certificates, ({ key }) => key, createCertificate, updateCertificate)
  part(document, '.scale').hidden = certificates.length === 0
  fill('#events', [...events].reverse(), ({ id }) => String(id), createEvent, updateEvent)
  say(part(document, '#version'), version)
  tick()
}

/** @param {Update['snapshot']} snapshot */
function showVerdict(snapshot) {
  const { headline, summary } = verdict(snapshot)
  const glyph = glyphs[snapshot.level]
  const place = part(document, '#verdict')
  place.dataset.level = snapshot.level
  say(part(place, '.glyph'), glyph)
  say(part(place, 'h1'), headline)
  say(part(place, '#summary'), summary)
  document.title = `${glyph} ${shown(headline)} – mcp-mtls monitor`
}

/**
 * The list of a section.
 * @template Item
 * @param {string} section
 * @param {readonly Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {() => HTMLElement} create
 * @param {(element: HTMLElement, item: Item) => void} update
 */
function fill(section, items, keyOf, create, update) {
  const place = part(document, section)
  keep(part(place, 'ul, ol'), items, keyOf, create, update)
  part(place, '.empty').hidden = items.length > 0
}

function tick() {
  if (link.dataset.state === 'live' && lastAt) say(link, `live, ${ago(lastAt)} ago`)
  if (link.dataset.state === 'lost')
    say(link, lastAt ? `connection lost, as of ${ago(lastAt)} ago` : 'no connection')
}

function listen() {
  const updates = new EventSource('/updates')
  updates.onopen = () => {
    link.dataset.state = 'live'
    tick()
  }
  updates.onmessage = ({ data }) => show(JSON.parse(data))
  updates.onerror = () => {
    link.dataset.state = 'lost'
    tick()
    // A browser stops retrying after some failures.
    if (updates.readyState === EventSource.CLOSED) setTimeout(listen, 2000)
  }
}

part(document, '.scale').append(createScale())
setInterval(tick, 1000)
listen()
