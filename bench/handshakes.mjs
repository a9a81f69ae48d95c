// node bench/handshakes.mjs [--rounds N] [--short] [--json]: the parts of the suite that measure connections.
process.argv.splice(2, 0, '--only=handshakes,connections')
await import('./run.mjs')
