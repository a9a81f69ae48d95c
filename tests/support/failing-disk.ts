import type { FileHandle } from 'node:fs/promises'
import * as files from 'node:fs/promises'
import { type Disk, ownDisk } from '../../src/audit/record-file.js'

type Step = 'write' | 'truncate' | 'write and truncate' | 'open' | 'sync'

/** A file system whose writes, openings and syncs fail when it is told so. */
export class FailingDisk {
  /** Code of the error, for what it happens, and how many bytes of a write arrive all the same. */
  fault: { readonly code: string; readonly on: Step; readonly after?: number } | undefined
  /** Faults that have happened. */
  count = 0

  readonly disk: Disk = {
    ...ownDisk,
    open: (async (...args: Parameters<typeof files.open>) => {
      this.#fail('open')
      return this.#wrapped(await files.open(...args))
    }) as typeof files.open,
    write: async (handle, bytes, from) => {
      const length = bytes.length - from
      const after = this.fault?.on.startsWith('write') ? Math.min(length - 1, this.fault.after ?? 0) : length
      if (after < length && after > 0) await ownDisk.write(handle, bytes.subarray(0, from + after), from)
      this.#fail('write')
      return await ownDisk.write(handle, bytes, from)
    },
  }

  #wrapped(handle: FileHandle): FileHandle {
    const truncate = handle.truncate.bind(handle)
    handle.truncate = async (length) => {
      this.#fail('truncate')
      await truncate(length)
    }
    const sync = handle.datasync.bind(handle)
    handle.datasync = async () => {
      this.#fail('sync')
      await sync()
    }
    return handle
  }

  #fail(on: Step): void {
    const isOn =
      this.fault?.on === on || (this.fault?.on === 'write and truncate' && /write|truncate/.test(on))
    if (!isOn || !this.fault) return
    this.count++
    throw Object.assign(new Error(this.fault.code), { code: this.fault.code })
  }
}
