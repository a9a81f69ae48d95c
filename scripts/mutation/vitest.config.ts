import { defineConfig } from 'vitest/config'

const folders = (process.env.MUTATION_TESTS ?? '').split(',')

export default defineConfig({
  test: {
    include: folders.map((path) => (path.endsWith('.ts') ? path : `${path}/**/*.test.ts`)),
    // It takes seconds, and would run for every change.
    exclude: ['**/worlds.soak.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
