// `npm version` rewrites both lines (scripts/set-version.mjs). They are not read from a file: in a bundle, the nearest
// package.json is the application's.

/** As package.json says. */
export const packageVersion = '0.1.0'

/** The day of this version, in UTC. A clock that shows an earlier day is wrong. */
export const releaseDate: Date = new Date('2026-11-27')
