import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { Settings } from '../../config/index.js'
import type { CaOptions } from '../../pki/index.js'
import type { Io } from '../io/io.js'
import { typedPath } from '../io/output.js'
import { addSettingOptions } from './settings.js'

/** Adds to a `cert-…` command the flags that say where certificates and the CA are. */
export function addDirectoryOptions(command: Command): Command {
  command.option('--ca-dir <path>', 'where the key of the CA is kept (default: the certificate directory)')
  return addSettingOptions(command, 'certDir', 'keyPassphrase')
}

/** The flags of `addDirectoryOptions` that are not settings. */
export interface DirectoryFlags {
  readonly caDir?: string
}

/** Where certificates and the CA are; `directory` is the one given as an argument. */
export function directoriesOf(
  { tls }: Settings,
  { caDir }: DirectoryFlags,
  { cwd }: Io,
  directory?: string,
): CaOptions {
  return {
    certDir: resolve(cwd, directory ?? tls.certDir),
    caDir: caDir === undefined ? undefined : resolve(cwd, caDir),
    passphrase: tls.keyPassphrase,
  }
}

/** The next command to type, with the flags for the same directories. */
export function typedCommand(name: string, { certDir, caDir }: CaOptions, io: Io): string {
  const flag = (option: string, path: string) => ` --${option} ${typedPath(path, io)}`
  const own = certDir === resolve(io.cwd, 'certs') ? '' : flag('cert-dir', certDir)
  return `npx mcp-mtls ${name}${own}${caDir === undefined ? '' : flag('ca-dir', caDir)}`
}
