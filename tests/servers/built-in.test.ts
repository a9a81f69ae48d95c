import { describe, expect, it } from 'vitest'
import { readSettings, serverNames } from '../../src/config/index.js'
import { type BuiltInServerName, builtInServers } from '../../src/servers/index.js'
import { clientOf } from './connected-client.js'

it('has three servers with their names and ports', () => {
  const { servers } = readSettings({})
  expect(
    serverNames.map((name) => [builtInServers[name].name, servers[name].port, servers[name].tlsPort]),
  ).toEqual([
    ['weather-mcp', 8081, 8443],
    ['datetime-mcp', 8082, 8444],
    ['echo-mcp', 8083, 8445],
  ])
})

describe.each<[BuiltInServerName, string[], boolean]>([
  ['weather', ['getTemperature', 'getForecast'], true],
  ['datetime', ['getDateTime', 'convertTime'], false],
  ['echo', ['echo', 'whoami'], false],
])('%s', (name, tools, openWorld) => {
  it.each(['legacy', 'auto'] as const)('declares its tools in full (%s era)', async (era) => {
    const client = await clientOf(builtInServers[name].create({ weatherProvider: 'simulated' }), { era })
    expect(client.getServerVersion()?.name).toBe(builtInServers[name].name)
    const listed = (await client.listTools()).tools
    expect(listed.map((tool) => tool.name)).toEqual(tools)
    for (const tool of listed) {
      expect(tool.description).toBeTruthy()
      expect(tool.inputSchema.type).toBe('object')
      expect(tool.outputSchema?.type).toBe('object')
      expect(tool.annotations).toEqual({
        readOnlyHint: true,
        destructiveHint: false,
        idempotentHint: true,
        openWorldHint: openWorld,
      })
    }
  })
})

it('tells clients the limits of each argument, and which may be left out', async () => {
  const factories = Object.values(builtInServers).map((server) =>
    server.create({ weatherProvider: 'simulated' }),
  )
  const lists = await Promise.all(factories.map(async (factory) => (await clientOf(factory)).listTools()))
  const schemas = new Map(lists.flatMap(({ tools }) => tools.map((tool) => [tool.name, tool.inputSchema])))
  expect(schemas.get('echo')?.properties?.text).toMatchObject({ minLength: 1, maxLength: 1000 })
  expect(schemas.get('getForecast')?.properties?.days).toMatchObject({ minimum: 1, maximum: 7 })
  expect(schemas.get('getForecast')?.required).toEqual(['city'])
  expect(schemas.get('getDateTime')?.required ?? []).toEqual([])
  expect(schemas.get('convertTime')?.required).toEqual(['time', 'from', 'to'])
})
