import { McpServer, type McpServerFactory } from '@modelcontextprotocol/server'
import { expect, test } from 'vitest'
import * as client from '../src/client/index.js'
import * as root from '../src/index.js'
import { connect, identityOf, MtlsError, mtlsFetch, serve } from '../src/index.js'
import * as server from '../src/server/index.js'

test('the subpaths export these values and no others', () => {
  const shared = ['MtlsError', 'errorCodes']
  expect(Object.keys(root).toSorted()).toEqual(
    [...shared, 'connect', 'identityOf', 'mtlsFetch', 'serve'].toSorted(),
  )
  expect(Object.keys(server).toSorted()).toEqual(
    [...shared, 'createMtlsServer', 'identityOf', 'serve'].toSorted(),
  )
  expect(Object.keys(client).toSorted()).toEqual(
    [...shared, 'connect', 'mtlsFetch', 'registerPools'].toSorted(),
  )
})

const mcpServer = () => new McpServer({ name: 'mistaken', version: '1.0.0' })
const url = 'https://localhost:8443/mcp'

// Each is an error of TypeScript too.
const mistakes: Readonly<Record<string, readonly [act: () => unknown, rightCall: string]>> = {
  // @ts-expect-error text instead of options
  'connect(text)': [() => connect(url), 'connect({ serverUrl:'],
  // @ts-expect-error nothing
  'connect()': [() => connect(), 'connect({ serverUrl:'],
  // @ts-expect-error a URL instead of options
  'connect(URL)': [() => connect(new URL(url)), 'connect({ serverUrl:'],
  // @ts-expect-error nothing
  'serve()': [() => serve(), 'serve(() => new McpServer('],
  // @ts-expect-error a server instead of a factory
  'serve(server)': [() => serve(mcpServer(), { name: 'mistaken' }), 'serve(() => new McpServer('],
  // @ts-expect-error the class instead of a factory
  'serve(class)': [() => serve(McpServer, { name: 'mistaken' }), 'serve(() => new McpServer('],
  // @ts-expect-error no options
  'serve(factory)': [() => serve(mcpServer as McpServerFactory), 'serve(() => new McpServer('],
  // @ts-expect-error text instead of options
  'mtlsFetch(text)': [() => mtlsFetch('./certs'), "mtlsFetch({ certDir: './certs' })"],
  // @ts-expect-error nothing
  'identityOf()': [() => identityOf(), 'identityOf(context)'],
}

test.each(Object.entries(mistakes))(
  '%s gets one sentence with the right call',
  async (_name, [act, rightCall]) => {
    const error: unknown = await Promise.resolve()
      .then(act)
      .catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(MtlsError)
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining(rightCall) })
    expect((error as MtlsError).message).not.toContain('\n')
  },
)
