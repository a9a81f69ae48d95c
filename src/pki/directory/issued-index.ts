import { readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MtlsError } from '../../errors.js'
import { syncDirectory, unlessMissing, writeDurably, writing } from '../../files/durable-write.js'
import { makeFolder, newFile, ownershipOf } from '../../files/ownership.js'
import { type CertificateFacts, readCertificate } from '../../x509/certificate.js'
import type { Issued } from '../certificate/certificate.js'
import type { Revocation } from '../certificate/crl.js'
import { type RevocationReason, revocationReasons } from '../certificate/revocation-reasons.js'
import { modes } from '../store/stored-file.js'

/** A revocation, and the CA (`fingerprint256`) whose list it stands in. */
export interface RecordedRevocation extends Revocation {
  readonly authority: string
}

/** What an index holds at one moment. */
export interface IssuedContents {
  /** The oldest first. */
  readonly issued: readonly CertificateFacts[]
  /** The paths of files that hold no certificate any more; their serial numbers stay given out. */
  readonly damaged: readonly string[]
  /** Every serial number that was given out, lower-case hex. */
  readonly serials: ReadonlySet<string>
  /** By serial number. */
  readonly revocations: ReadonlyMap<string, RecordedRevocation>
  /** Serial numbers of certificates whose place another has taken, and that of the other. */
  readonly replacements: ReadonlyMap<string, string>
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

  /** All of it. Throws what `revocations` throws. */
  async read(): Promise<IssuedContents> {
    const [certificates, serials, revocations, replacements] = await Promise.all([
      this.#certificates(),
      this.serials(),
      this.revocations(),
      this.#replacements(),
    ])
    return { ...certificates, serials, revocations, replacements }
  }

  /** Everything issued, the oldest first, without what somebody damaged. */
  async list(): Promise<readonly CertificateFacts[]> {
    return (await this.#certificates()).issued
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

  /**
   * Remembers a revocation, then lets `publish` put its list out; forgets it when that fails. Killed in between, the
   * next command of this CA publishes it. Only under the lock.
   */
  async revokeAround(
    serial: string,
    revocation: RecordedRevocation,
    publish: () => Promise<unknown>,
  ): Promise<void> {
    try {
      await this.recordRevocation(serial, revocation)
      await publish()
    } catch (error) {
      await rm(join(this.#folder, `${serial}.revoked`), { force: true })
      throw error
    }
  }

  /** Remembers that nobody uses the certificate `serial` any more, once `by` is in its place. Only under the lock. */
  async recordReplacement(serial: string, by: string): Promise<void> {
    if ((await this.serials()).has(serial)) await this.#write(`${serial}.replaced`, `${by}\n`)
  }

  async #replacements(): Promise<ReadonlyMap<string, string>> {
    const serials = await this.#named('replaced')
    const read = (serial: string) => readFile(join(this.#folder, `${serial}.replaced`), 'utf8')
    const entries = serials.map(async (serial) => [serial, (await read(serial)).trim()] as const)
    return new Map(await Promise.all(entries))
  }

  async #certificates(): Promise<Pick<IssuedContents, 'issued' | 'damaged'>> {
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
    return { issued: sorted.map(({ certificate }) => certificate), damaged }
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
    const file = new RegExp(`^([0-9a-f]+)\\.${ending}$`)
    const names = (await unlessMissing(readdir(this.#folder))) ?? []
    return names.flatMap((name) => file.exec(name)?.[1] ?? [])
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
