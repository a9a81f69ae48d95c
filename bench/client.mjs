// node bench/client.mjs [--rounds N] [--short] [--json]: the part of the suite that measures clients.
process.argv.splice(2, 0, '--only=client')
await import('./run.mjs')
