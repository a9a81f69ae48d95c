import type { Role, TlsConfig } from '../../config/index.js'
import { fileSource } from './file-source.js'
import type { Material } from './material.js'

/** Where material comes from: files today; a workload API or an ACME client could take their place. */
export interface MaterialSource {
  /** The current material; `previous` itself when nothing has changed. */
  load(previous: Material | undefined): Promise<Material>
  /**
   * `previous` with the current revocation lists, for when `load` fails: revoked peers must not be served just because
   * a certificate or a CA cannot be read. `previous` itself when the lists are already in use, missing or invalid.
   */
  loadLists(previous: Material): Promise<Material>
  /** The files to watch. */
  readonly paths: readonly string[]
}

/** The source that a config names; `serverName` is that of a server, on which alone its session tickets are good. */
export function materialSource(config: TlsConfig, role: Role, serverName?: string): MaterialSource {
  return fileSource(config, role, serverName)
}
