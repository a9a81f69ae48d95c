import { defineConfig } from 'vitest/config'
import base from './vitest.config.js'

// Soaks: hundreds of kills, thousands of calls, a hundred thousand generated worlds.
export default defineConfig({
  test: {
    ...base.test,
    include: ['tests/**/*.soak.test.ts'],
    env: { TEST_TIER: 'long' },
    testTimeout: 600_000,
  },
})
