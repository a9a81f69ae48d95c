// What `expose` adds to a direct call: beside nothing in between, beside streams of Node in between, and beside `serve`,
// where the tool is in the same process.
import { median } from '../figures.mjs'
import { echoCall } from '../messages.mjs'
import { inTurns, latencies, load, withServers } from './measuring.mjs'

/** @typedef {import('./measuring.mjs').Named} Named */
/** @typedef {import('../messages.mjs').Era} Era */

/** @param {import('./measuring.mjs').Block} block */
export async function expose(block) {
  const { certDir } = block
  const programs = ['program, session', 'program, 2026-07-28'].flatMap((at) => {
    const isLegacy = at === 'program, session'
    return /** @type {Named[]} */ ([
      { name: 'direct', at, kind: 'program', certDir },
      { name: 'bare, pipe', at, kind: 'pump', certDir },
      ...inBetween(certDir, at, 'program', isLegacy ? '/legacy' : '/mcp', isLegacy),
      { name: 'serve()', at, kind: 'ours', certDir, sessions: isLegacy, inSession: isLegacy },
    ])
  })
  const upstreams = [
    ['HTTP, JSON', '/mcp'],
    ['HTTP, event stream', '/legacy'],
  ].map(
    ([at, path]) =>
      /** @type {Named} */ ({ name: 'direct', at, kind: 'bare', transport: 'http', path, certDir }),
  )
  await withServers([...programs, ...upstreams], (direct) => {
    const behindHttp = direct
      .slice(programs.length)
      .flatMap(({ at = '', path = '', child }) =>
        inBetween(certDir, at, `http://127.0.0.1:${child.port}${path}`, path),
      )
    return withServers(behindHttp, (behind) => measured(block, [...direct, ...behind]))
  })
}

/** @param {string} certDir @param {string} at @param {string} behind @param {string} path where bare is called @returns {Named[]} */
function inBetween(certDir, at, behind, path, inSession = false) {
  const plain = /** @type {Named[]} */ (
    behind === 'program'
      ? []
      : [{ name: 'bare, HTTP', at, kind: 'bare', transport: 'http', path, behind, certDir }]
  )
  return [
    ...plain,
    { name: 'bare, mTLS', at, kind: 'bare', path, behind, certDir },
    { name: 'expose', at, kind: 'expose', behind, inSession, certDir },
  ]
}

/** @param {import('./measuring.mjs').Block} block @param {readonly import('./measuring.mjs').Serving[]} servers */
function measured(block, servers) {
  const { short } = block
  return inTurns(block, servers, async (server, add) => {
    const { name: of, at = '' } = server
    const call = echoCall(/session|stream/.test(at) ? 'legacy' : '2026-07-28')
    const times = await latencies(server, call, short ? 20 : 100)
    add({ figure: 'time of a call', unit: 'µs', of, at }, 1000 * median(times))
    const { cpu, perSecond } = await load(server, call, short ? 50 : 400)
    add({ figure: 'CPU of the process that is called, per call', unit: 'µs', of, at }, cpu)
    add({ figure: 'calls per second', unit: '1/s', of, at }, perSecond)
  })
}
