import { stat } from 'node:fs/promises'
import { MtlsError } from '../errors.js'
import { wayToRead } from '../files/read-file.js'
import { type RecordLine, readLine } from './chain.js'
import { type FoundLine, type ReadOptions, readLines } from './read-lines.js'

/** What lies beside a record, and is named with it by `audit.jsonl*`. */
const companion = /\.(?:key|pub|lock)$/

/** The files of a record, in the order of their lines: the first of each is numbered. Throws like `reading`. */
export async function inOrder(files: readonly string[]): Promise<string[]> {
  const own = files.filter((file) => !(companion.test(file) && files.includes(file.replace(companion, ''))))
  const once = new Map<string, string>()
  for (const file of own) {
    const id = await idOf(file)
    if (!once.has(id)) once.set(id, file) // a link to the newest may lie among them
  }
  const numbered = await Promise.all(
    [...once.values()].map(async (file) => ({
      file,
      seq: (await firstLineOf(file))?.seq ?? Number.MAX_SAFE_INTEGER,
    })),
  )
  return numbered.toSorted((a, b) => a.seq - b.seq).map(({ file }) => file)
}

/** Of these files those that are not empty, and have no line of a record. Throws like `reading`. */
export async function withoutRecord(files: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    (await inOrder(files)).map(async (file) => {
      const isEmpty = (await stat(file).catch(() => undefined))?.size === 0
      return isEmpty || (await firstLineOf(file)) ? [] : [file]
    }),
  )
  return found.flat()
}

/** What tells files apart. Throws for what is none: a pipe would be empty when it is read again, and a device may never end. */
async function idOf(file: string): Promise<string> {
  const found = await stat(file, { bigint: true }).catch(() => undefined) // what is wrong, reading it tells
  if (!found) return file
  if (!found.isFile()) throw unreadable(file, found.isDirectory() ? 'is a directory' : 'is not a file')
  return `${found.dev} ${found.ino}`
}

/** The first that can be read: the very first may be what was changed. */
async function firstLineOf(file: string): Promise<RecordLine | undefined> {
  for await (const lines of reading(file))
    for (const { bytes } of lines) {
      const line = readLine(bytes.toString())
      if (line) return line
    }
  return undefined
}

/** The lines of a file. Throws `CONFIG_INVALID` when it cannot be read. */
export async function* reading(file: string, options?: ReadOptions): AsyncGenerator<FoundLine[]> {
  try {
    yield* readLines(file, options)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === undefined || options?.signal?.aborted) throw cause
    throw unreadable(file, code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`, cause)
  }
}

function unreadable(file: string, problem: string, cause?: unknown): MtlsError {
  return new MtlsError('CONFIG_INVALID', `${file} ${problem}`, {
    hint: wayToRead(file, cause) ?? 'Name the files of one record.',
    cause,
  })
}
