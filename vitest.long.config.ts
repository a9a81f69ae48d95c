import { defineConfig } from 'vitest/config'
import base from './vitest.config.js'

// What takes minutes: soaks, thousands of calls, hundreds of kills.
export default defineConfig({
  test: {
    ...base.test,
    include: ['tests/**/*.long.test.ts'],
    exclude: [],
    testTimeout: 600_000,
    hookTimeout: 120_000,
  },
})
