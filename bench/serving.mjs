// node bench/serving.mjs [--rounds N] [--short] [--json]: the part of the suite that measures calls.
process.argv.splice(2, 0, '--only=calls')
await import('./run.mjs')
