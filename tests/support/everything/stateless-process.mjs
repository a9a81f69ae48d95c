// Serves the reference server without sessions, and never cleans up after it: its timers speak when the answer is long
// gone. They run a hundred times as fast, and say so when they fire.
const usual = globalThis.setInterval
let timers = 0
globalThis.setInterval = (run, delay, ...rest) => {
  if (delay !== 5000) return usual(run, delay, ...rest)
  const timer = ++timers
  return usual(() => {
    console.log(`timer ${timer} has fired`)
    run(...rest)
  }, delay / 100)
}

const [certDir] = process.argv.slice(2)
const { serve } = await import('../../../dist/server/index.js')
const { createServer } = await import('@modelcontextprotocol/server-everything/dist/server/index.js')
const server = await serve(() => createServer().server, {
  name: 'everything',
  tlsPort: 0,
  tls: { certDir },
  log: { level: 'error' },
})
console.log(`serves at ${server.url}`)
