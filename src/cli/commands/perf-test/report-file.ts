import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises'
import { MtlsError } from '../../../errors.js'

/** Opened before measuring, so that an unwritable path fails early. */
export class ReportFile implements AsyncDisposable {
  readonly #path: string
  readonly #draft: string
  readonly #file: FileHandle

  private constructor(path: string, draft: string, file: FileHandle) {
    this.#path = path
    this.#draft = draft
    this.#file = file
  }

  /** Throws `CONFIG_INVALID` when it cannot be written, or exists and may not be replaced. */
  static async begin(path: string, { force }: { readonly force: boolean }): Promise<ReportFile> {
    const there = await stat(path).catch(() => undefined)
    if (there?.isDirectory()) throw refused(path, 'is a directory', 'Name a file.')
    if (there && !force)
      throw refused(path, 'is there already', 'Name another file, or replace it with --force.')
    const draft = `${path}.${process.pid}.tmp`
    try {
      return new ReportFile(path, draft, await open(draft, 'wx'))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      throw refused(
        path,
        `cannot be written (${code})`,
        'Name a file in a directory that is there and yours.',
      )
    }
  }

  /** Replaces the whole page at once: a reader of the path sees either the old report or the new one. */
  async finish(page: string): Promise<void> {
    await this.#file.writeFile(page)
    await this.#file.close()
    await rename(this.#draft, this.#path)
  }

  /** Removes an unfinished report. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
    await rm(this.#draft, { force: true })
  }
}

function refused(path: string, what: string, hint: string): MtlsError {
  return new MtlsError('CONFIG_INVALID', `--report: ${path} ${what}`, { hint })
}
