/** @import { ServerStatus } from '../snapshot.js' */
import { facts, make, part, problems, say } from './elements.js'
import { ago, day, glyphs } from './words.js'

export function createServer() {
  const chart = svg('svg', {
    class: 'spark',
    viewBox: '0 0 120 34',
    preserveAspectRatio: 'none',
    'aria-hidden': 'true',
  })
  return make(
    'li',
    'card',
    make('div', '', make('div', 'head', make('h3'), make('p', 'pill')), make('p', 'place')),
    make('div', 'problems'),
    make('div', 'pulse', make('p', 'latency', make('span'), make('small')), chart),
    make('dl'),
  )
}

/**
 * @param {HTMLElement} card
 * @param {ServerStatus} server
 */
export function updateServer(card, server) {
  const { level, problem, latency_ms: latency, tls, identity, certificate, health, refused } = server
  const looked = server.latencies_ms.length > 0
  card.dataset.level = looked ? level : 'waiting'
  say(part(card, 'h3'), server.name)
  say(part(card, '.place'), server.url)
  const pill = part(card, '.pill')
  say(pill, looked ? `${glyphs[level]} ${server.state}` : 'looking')
  pill.title = `since ${server.since}`
  problems(part(card, '.problems'), problem ? [problem] : [])
  part(card, '.problems').hidden = !problem
  say(part(card, '.latency span'), latency === null ? '–' : latency.toFixed(latency < 10 ? 1 : 0))
  say(part(card, '.latency small'), latency === null ? ' no answer' : ' ms')
  drawLatencies(part(card, '.spark'), server.latencies_ms)
  const refusals = Object.entries(refused ?? {}).map(([reason, count]) => `${count} × ${reason}`)
  facts(part(card, 'dl'), [
    ['TLS', tls && [tls.version?.replace('TLSv', 'TLS '), tls.key_exchange].filter(Boolean).join(', ')],
    ['Suite', tls?.cipher],
    ['Identity', identity && `${identity.id}${identity.verified ? '' : ' (not verified)'}`],
    ['Certificate', certificate && `until ${day(certificate.not_after)}`],
    ['Server', health && `${health.server} ${health.version}, ${health.mode} mode`],
    ['Policy', health?.policy && policyText(health.policy)],
    ['Record', health?.audit && recordText(health.audit)],
    ['Up for', health && ago(Date.now() - health.uptime_seconds * 1000)],
    ['Refused', refused && (refusals.join(', ') || 'nobody')],
  ])
}

/** @param {NonNullable<NonNullable<ServerStatus['health']>['policy']>} policy */
function policyText({ rules, mode, ok }) {
  const how = mode === 'enforce' ? '' : ', reports only'
  return `${rules} ${rules === 1 ? 'rule' : 'rules'}${how}${ok ? '' : ', a newer one is refused'}`
}

/** @param {NonNullable<NonNullable<ServerStatus['health']>['audit']>} audit */
function recordText({ ok, lost }) {
  return `${ok ? 'written' : 'cannot be written'}${lost > 0 ? `, ${lost} lost` : ''}`
}

/** As many as the monitor keeps. */
const slots = 60

/**
 * Latencies as a line, looks without an answer as marks at its foot.
 * @param {Element} chart
 * @param {ServerStatus['latencies_ms']} latencies
 */
function drawLatencies(chart, latencies) {
  const highest = Math.max(1, ...latencies.map((latency) => latency ?? 0))
  let line = ''
  let area = ''
  let missed = ''
  /** @type {string[]} */
  let run = []
  const endRun = () => {
    if (run.length === 0) return
    const [first = ''] = run
    line += `M${run.join('L')}${run.length === 1 ? 'h.01' : ''}`
    area += `M${run.join('L')}V34H${Number.parseFloat(first)}Z`
    run = []
  }
  for (const [index, latency] of latencies.entries()) {
    const x = (((index + slots - latencies.length) * 120) / (slots - 1)).toFixed(1)
    if (latency === null) {
      endRun()
      missed += `M${x} 34v-8`
    } else run.push(`${x} ${(31 - (27 * latency) / highest).toFixed(1)}`)
  }
  endRun()
  chart.replaceChildren(
    svg('path', { class: 'base', d: 'M0 34H120' }),
    svg('path', { class: 'area', d: area }),
    svg('path', { class: 'line', d: line }),
    svg('path', { class: 'missed', d: missed }),
  )
}

/**
 * @param {string} name
 * @param {Readonly<Record<string, string>>} attributes
 */
function svg(name, attributes) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  return element
}
