import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    exclude: ['**/*.long.test.ts'],
    reporters: ['default', './tests/support/did-not-run.ts'],
    server: { deps: { external: [/\/dist\//] } }, // what is built is imported as it is
    pool: 'forks',
    isolate: false, // a worker loads every module once; what a test changes it puts back
    maxWorkers: 2, // two cores are the smallest machine; half of them is the default
    testTimeout: 30_000,
    hookTimeout: 30_000,
    expect: { poll: { timeout: 10_000 } }, // a loaded machine is slow, not wrong
  },
})
