import { readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MtlsError } from '../../errors.js'
import { modes, syncDirectory, unlessMissing, writeDurably, writing } from '../../files/durable.js'
import { makeFolder, newFile, ownershipOf } from '../../files/ownership.js'
import { type CertificateFacts, readCertificate } from '../../x509/certificate.js'
import type { Issued } from '../certificate/authority.js'
import type { Revocation } from '../certificate/crl.js'
import { type RevocationReason, revocationReasons } from '../certificate/revocation-reasons.js'

/** A revocation, and the CA (`fingerprint256`) whose list it stands in. */
export interface RecordedRevocation extends Revocation {
  readonly authority: string
}

/**
 * What the CA of a directory has issued: one certificate per file, `issued/SERIAL.crt`, without keys, and beside it
 * `SERIAL.revoked` and `SERIAL.replaced` for what became of it. A file is there whole or not at all, and it is there
 * before its certificate is in use. It outlives a change of CA.
 */
export class IssuedIndex {
  readonly #directory: string
  readonly #folder: string

  constructor(caDirectory: string) {
    this.#directory = caDirectory
    this.#folder = join(caDirectory, 'issued')
  }

  /** The serial numbers that were given out, lower-case hex. */
  async serials(): Promise<ReadonlySet<string>> {
    return new Set(await this.#named('crt'))
  }

  /** Everything issued, the oldest first. Files that somebody damaged are left out: `damaged` names them. */
  async list(): Promise<readonly CertificateFacts[]> {
    return (await this.#read()).certificates
  }

  /** The paths of files that hold no certificate any more; their serial numbers stay given out. */
  async damaged(): Promise<readonly string[]> {
    return (await this.#read()).damaged
  }

  /** Remembers a certificate. Throws `CERT_INVALID` for a serial number that was used before. Only under the lock. */
  async record({ certificate, facts }: Pick<Issued, 'certificate' | 'facts'>): Promise<void> {
    if ((await this.serials()).has(facts.serial))
      throw new MtlsError('CERT_INVALID', `serial number ${facts.serial} was issued before`)
    await this.#write(`${facts.serial}.crt`, certificate)
  }

  /**
   * Remembers certificates, then lets `publish` put them to use; forgets them when that fails. Killed in between, it
   * remembers what nobody has. Only under the lock.
   */
  async recordAround<Result>(all: readonly Issued[], publish: () => Promise<Result>): Promise<Result> {
    const recorded: string[] = []
    try {
      for (const one of all) {
        await this.record(one)
        recorded.push(`${one.facts.serial}.crt`)
      }
      return await publish()
    } catch (error) {
      for (const name of recorded) await rm(join(this.#folder, name), { force: true })
      throw error
    }
  }

  /** By serial number. Throws `CERT_INVALID` for a damaged file: a revocation is not to be forgotten. */
  async revocations(): Promise<ReadonlyMap<string, RecordedRevocation>> {
    const serials = await this.#named('revoked')
    const entries = serials.map(async (serial) => [serial, await this.#revocation(serial)] as const)
    return new Map(await Promise.all(entries))
  }

  /** Remembers that a serial number is revoked. Only under the lock. */
  recordRevocation(serial: string, revocation: RecordedRevocation): Promise<void> {
    return this.#write(`${serial}.revoked`, `${JSON.stringify(revocation)}\n`)
  }

  /** Takes back a revocation that was never published. */
  forgetRevocation(serial: string): Promise<void> {
    return rm(join(this.#folder, `${serial}.revoked`), { force: true })
  }

  /** Serial numbers of certificates whose place another has taken, and that of the other. */
  async replacements(): Promise<ReadonlyMap<string, string>> {
    const serials = await this.#named('replaced')
    const read = (serial: string) => readFile(join(this.#folder, `${serial}.replaced`), 'utf8')
    return new Map(
      await Promise.all(serials.map(async (serial) => [serial, (await read(serial)).trim()] as const)),
    )
  }

  /** Remembers that nobody uses the certificate `serial` any more, once `by` is in its place. Only under the lock. */
  async recordReplacement(serial: string, by: string): Promise<void> {
    if ((await this.serials()).has(serial)) await this.#write(`${serial}.replaced`, `${by}\n`)
  }

  async #read(): Promise<{ certificates: readonly CertificateFacts[]; damaged: readonly string[] }> {
    const paths = (await this.#named('crt')).map((serial) => join(this.#folder, `${serial}.crt`))
    const damaged: string[] = []
    const read = await Promise.all(
      paths.map(async (path) => {
        const [text, { mtimeMs }] = await Promise.all([readFile(path), stat(path)])
        try {
          const certificate = readCertificate(text, path)
          return [{ certificate, order: [certificate.notBefore.getTime(), mtimeMs] as const }]
        } catch {
          damaged.push(path)
          return []
        }
      }),
    )
    // Certificates know whole seconds; of the same second the file tells which came first.
    const sorted = read
      .flat()
      .sort(({ order: one }, { order: other }) => one[0] - other[0] || one[1] - other[1])
    return { certificates: sorted.map(({ certificate }) => certificate), damaged }
  }

  async #revocation(serial: string): Promise<RecordedRevocation> {
    const path = join(this.#folder, `${serial}.revoked`)
    const text = await readFile(path, 'utf8')
    try {
      const { at, reason, authority } = JSON.parse(text)
      const date = new Date(at)
      const known = revocationReasons.includes(reason) && typeof authority === 'string'
      if (known && !Number.isNaN(date.getTime()))
        return { at: date, reason: reason as RevocationReason, authority }
    } catch {}
    throw new MtlsError('CERT_INVALID', `${path}: not a readable record of a revocation`, {
      hint: `Remove it and revoke the certificate again: mcp-mtls cert-revoke ${serial}`,
    })
  }

  async #named(ending: string): Promise<string[]> {
    try {
      const file = new RegExp(`^([0-9a-f]+)\\.${ending}$`)
      return (await readdir(this.#folder)).flatMap((name) => file.exec(name)?.[1] ?? [])
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
      throw error
    }
  }

  #write(name: string, text: string): Promise<void> {
    return writing(this.#folder, async () => {
      await makeFolder(this.#folder, this.#directory)
      const [path, unfinished] = [join(this.#folder, name), join(this.#folder, '.tmp')]
      const before = await unlessMissing(stat(path))
      const mode = before ? ownershipOf(before).mode : modes.certificate
      await rm(unfinished, { force: true })
      await writeDurably(unfinished, text, newFile(await stat(this.#directory), mode))
      await rename(unfinished, path)
      await syncDirectory(this.#folder)
    })
  }
}
