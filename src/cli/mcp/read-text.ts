import { resolve } from 'node:path'
import { MtlsError } from '../../errors.js'
import { readSmallText, whyUnreadable } from '../../files/read-file.js'
import type { Io } from '../io/io.js'
import type { ReadText } from './tool-arguments.js'

/** As servers take it by default. */
const mostBytes = 1024 * 1024

/** Reads what is behind `-` and `@FILE`. Throws `CONFIG_INVALID`. */
export function readText({ stdin, cwd }: Pick<Io, 'stdin' | 'cwd'>): ReadText {
  return async (source) => {
    if ('path' in source) {
      const path = resolve(cwd, source.path)
      try {
        return readSmallText(path)
      } catch (error) {
        throw new MtlsError('CONFIG_INVALID', `${path} ${whyUnreadable(error)}`, {
          hint: '@FILE names a file with the arguments as JSON; write key=value for a text that begins with @.',
        })
      }
    }
    const chunks: Buffer[] = []
    let size = 0
    for await (const chunk of stdin) {
      const bytes = Buffer.from(chunk)
      size += bytes.length
      if (size > mostBytes)
        throw new MtlsError('CONFIG_INVALID', `there are more than ${mostBytes} bytes of arguments on stdin`)
      chunks.push(bytes)
    }
    return Buffer.concat(chunks).toString('utf8')
  }
}
