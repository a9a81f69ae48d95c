import { resolve } from 'node:path'
import { type Command, InvalidArgumentError } from 'commander'
import type { CaOptions } from '../../pki/index.js'
import type { Io } from '../io/io.js'
import { typedPath } from '../io/output.js'
import { addSettingOptions, resolveSettings } from './settings.js'

/** Gives a `cert-…` command the flags that say where certificates and the CA are. */
export function addDirectoryOptions(command: Command): Command {
  command.option('--ca-dir <path>', 'where the key of the CA is kept (default: the certificate directory)')
  return addSettingOptions(command, 'certDir', 'keyPassphrase')
}

/** Where certificates and the CA are; `directory` is one that was named as an argument. */
export function directoriesOf(command: Command, io: Io, directory?: string): CaOptions {
  const { caDir } = command.opts<{ caDir?: string }>()
  const { tls } = resolveSettings(command, io)
  return {
    certDir: resolve(io.cwd, directory ?? tls.certDir),
    caDir: caDir === undefined ? undefined : resolve(io.cwd, caDir),
    passphrase: tls.keyPassphrase,
  }
}

/** The flags that lead another command to the same directories. */
export function directoryFlags({ certDir, caDir }: CaOptions, io: Io): string {
  const flag = (name: string, path: string) => ` --${name} ${typedPath(path, io)}`
  const own = certDir === resolve(io.cwd, 'certs') ? '' : flag('cert-dir', certDir)
  return own + (caDir === undefined ? '' : flag('ca-dir', caDir))
}

export function numberArgument(text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('It is not a number.')
  return Number(text)
}

export const withinHelp =
  'days before an end from which to warn (default: the last 30 of a life, the last tenth of one of 60 days or less)'
