import { forge, forgeCa, writeSet } from './forge.js'
import { scratch } from './scratch.js'

/** A directory with the usual set for localhost, of a CA of its own; removed after the running test. */
export async function certificateDirectory(commonName?: string): Promise<string> {
  const directory = scratch()
  const ca = await forgeCa({ ...(commonName && { commonName }) })
  await writeSet(directory, {
    ca,
    server: await forge({ issuer: ca, usage: 'server', dns: ['localhost'], ip: ['127.0.0.1'] }),
    client: await forge({ issuer: ca, usage: 'client' }),
  })
  return directory
}
