import { onPath } from '../support/tools.js'

export { chromium } from 'playwright-core'

/** Empty where there is no Chromium. */
export const executablePath = onPath('chromium') ?? ''

/** It asks no network for anything of its own. */
export const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
