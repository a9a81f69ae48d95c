// `npm version` writes both lines anew (scripts/set-version.mjs). They are no file that is looked for: in a bundle, the
// package.json that lies near is the application's.

/** As package.json says. */
export const packageVersion = '0.1.0'

/** The day of this version, in UTC. A clock that stands before it is wrong. */
export const releaseDate: Date = new Date('2026-11-27')
