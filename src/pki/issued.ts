import { readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { MtlsError } from '../errors.js'
import { type CertificateFacts, readCertificate } from '../x509/certificate.js'
import type { Issued } from './authority.js'
import { makeDirectory, modes, syncDirectory, writeDurably, writing } from './durable.js'

/**
 * What the CA of a directory has issued: one certificate per file, `issued/SERIAL.crt`, without keys. A file is
 * there whole or not at all, and it is there before its certificate is in use. It outlives a change of CA.
 */
export class IssuedIndex {
  readonly #folder: string

  constructor(caDirectory: string) {
    this.#folder = join(caDirectory, 'issued')
  }

  /** The serial numbers that were given out, lower-case hex. */
  async serials(): Promise<ReadonlySet<string>> {
    try {
      const names = await readdir(this.#folder)
      return new Set(names.filter((name) => /^[0-9a-f]+\.crt$/.test(name)).map((name) => name.slice(0, -4)))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Set()
      throw error
    }
  }

  /** Everything issued, the oldest first. */
  async list(): Promise<readonly CertificateFacts[]> {
    const paths = [...(await this.serials())].map((serial) => this.#path(serial))
    const all = await Promise.all(paths.map(async (path) => readCertificate(await readFile(path), path)))
    return all.sort((one, other) => one.notBefore.getTime() - other.notBefore.getTime())
  }

  /** Remembers a certificate. Throws `CERT_INVALID` for a serial number that was used before. Only under the lock. */
  async record({ certificate, facts }: Issued): Promise<void> {
    await writing(this.#folder, async () => {
      if ((await this.serials()).has(facts.serial))
        throw new MtlsError('CERT_INVALID', `serial number ${facts.serial} was issued before`)
      await makeDirectory(this.#folder)
      const unfinished = join(this.#folder, '.tmp')
      await rm(unfinished, { force: true })
      await writeDurably(unfinished, certificate, modes.certificate)
      await rename(unfinished, this.#path(facts.serial))
      await syncDirectory(this.#folder)
    })
  }

  #path(serial: string): string {
    return join(this.#folder, `${serial}.crt`)
  }
}
