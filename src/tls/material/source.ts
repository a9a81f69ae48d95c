import type { Role, TlsConfig } from '../../config/index.js'
import { fileSource } from './file-source.js'
import type { Material } from './material.js'

/** Where material comes from: files today; a workload API or an ACME client could stand here. */
export interface MaterialSource {
  /** What there is now; `previous` itself when nothing has changed. */
  load(previous: Material | undefined): Promise<Material>
  /**
   * `previous` with the revocation lists that there are now, for when `load` fails: who was revoked is not to be served on because a
   * certificate or a CA cannot be read. `previous` itself when the lists are those in use, missing or unsound.
   */
  loadLists(previous: Material): Promise<Material>
  /** The files to watch. */
  readonly paths: readonly string[]
}

/** The source that a config names. */
export function materialSource(config: TlsConfig, role: Role): MaterialSource {
  return fileSource(config, role)
}
