// The values that settings choose from. Without zod: the help of the command line needs only these.

export const tlsVersions = ['TLSv1.2', 'TLSv1.3'] as const
export const crlMissingChoices = ['refuse', 'allow'] as const
export const weatherProviders = ['auto', 'open-meteo', 'simulated'] as const
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

/** What happens to calls that cannot be recorded. */
export const onFailureChoices = ['continue', 'deny'] as const

export const serverNames = ['weather', 'datetime', 'echo'] as const
export type ServerName = (typeof serverNames)[number]

/** Who shares a process of an exposed command. */
export const instanceChoices = ['session', 'identity', 'shared'] as const
