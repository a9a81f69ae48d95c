import { Client, type ClientOptions, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { mtlsFetch } from '../../src/client/index.js'

const info = { name: 'sdk-client', version: '1.0.0' }

interface Opened<Kind> extends AsyncDisposable {
  readonly client: Kind
}

/** The SDK's own client, version 2, in the revision that it takes by itself (`auto`: the newest). */
export async function sdkClient(
  url: string,
  certDir: string,
  { prepare, ...options }: ClientOptions & { readonly prepare?: (client: Client) => void } = {},
): Promise<Opened<Client>> {
  const fetch = mtlsFetch({ certDir })
  const client = new Client(info, options)
  prepare?.(client)
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch }))
  return {
    client,
    [Symbol.asyncDispose]: async () => {
      await client.close()
      await fetch.close()
    },
  }
}

/** Version 1 of it. */
export async function sdkClientV1(
  url: string,
  certDir: string,
  {
    prepare,
    capabilities = {},
  }: { readonly capabilities?: object; readonly prepare?: (client: ClientV1) => void } = {},
): Promise<Opened<ClientV1>> {
  const fetch = mtlsFetch({ certDir })
  const client = new ClientV1(info, { capabilities })
  prepare?.(client)
  await client.connect(new TransportV1(new URL(url), { fetch }))
  return {
    client,
    [Symbol.asyncDispose]: async () => {
      await client.close()
      await fetch.close()
    },
  }
}
