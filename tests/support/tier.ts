/**
 * How often, or how much: little in `npm test`, a lot in `npm run test:long`, which runs the files named
 * `*.soak.test.ts` alone. The same test body serves both.
 */
export function tier(short: number, long: number): number {
  return process.env.TEST_TIER === 'long' ? long : short
}
