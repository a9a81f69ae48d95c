import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    reporters: ['default', './tests/support/did-not-run.ts'],
    server: { deps: { external: [/\/dist\//] } }, // what is built is imported as it is
    pool: 'forks',
    isolate: false, // a worker loads every module once; what a test changes it puts back
    maxWorkers: 2, // two cores are the smallest machine; half of them is the default
    // A loaded machine is slow, not wrong: these end what hangs, and measure nothing.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
  },
})
