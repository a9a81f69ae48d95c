import { MtlsError } from '../errors.js'
import { type Exposure, fileExposure, placeExposure } from '../files/exposure.js'
import { readSmallText, Unreadable, wayToRead, whyUnreadable } from '../files/read-file.js'
import { shellPath } from '../text/shell-word.js'

/**
 * The text of the policy in a file. Throws `POLICY_INVALID` for one that cannot be read, is larger than 1 MiB, is not UTF-8, or that
 * others than its owner and root may change or replace: they would give themselves rights.
 */
export function readPolicyText(path: string): string {
  let found: Exposure | undefined
  try {
    return readSmallText(path, ({ mode }) => {
      // Windows has other ways to say who may write.
      found = process.geteuid && exposureOf(path, mode)
      if (found) throw new Unreadable(found.exposure)
    })
  } catch (cause) {
    if (found) {
      const hint = `Whoever may change it decides who may call what: \`chmod go-w ${shellPath(found.path)}\`.`
      throw new MtlsError('POLICY_INVALID', `${path}: ${found.exposure}`, { hint, cause })
    }
    const hint =
      wayToRead(path, cause) ??
      'Name a file that is there and yours; `mcp-mtls policy init --out FILE` writes a first one.'
    throw new MtlsError('POLICY_INVALID', `${path} ${whyUnreadable(cause)}`, { hint, cause })
  }
}

function exposureOf(path: string, mode: number): Exposure | undefined {
  const exposure = fileExposure(mode)
  return exposure === undefined ? placeExposure(path) : { path, exposure }
}

export { watchFiles as watchPolicyFile } from '../files/watch.js'
