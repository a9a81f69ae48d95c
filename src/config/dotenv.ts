import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { MtlsError } from '../errors.js'

/** The variables in the `.env` file of a directory; none when there is no such file. */
export function readDotenv(directory: string): Readonly<Record<string, string | undefined>> {
  const path = resolve(directory, '.env')
  try {
    return parseEnv(readFileSync(path, 'utf8'))
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new MtlsError(
      'CONFIG_INVALID',
      `${path} cannot be read (${(cause as NodeJS.ErrnoException).code})`,
      { cause },
    )
  }
}
