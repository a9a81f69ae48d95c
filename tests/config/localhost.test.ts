import type { LookupAddress } from 'node:dns'
import { expect, test } from 'vitest'
import { isLocalhost, waysTo } from '../../src/config/index.js'

test.each(['localhost', 'LOCALHOST', 'localhost.', 'a.localhost', 'a.b.localhost.'])(
  '%s is tried at both addresses of this machine',
  async (host) => {
    expect(isLocalhost(host)).toBe(true)
    const { lookup, autoSelectFamily } = waysTo(host)
    expect(autoSelectFamily).toBe(true)
    const all = (options: object) =>
      new Promise<unknown>((resolve) =>
        lookup?.(host, options, (_error, address, family) => resolve(family ? { address, family } : address)),
      )
    expect(((await all({ all: true })) as LookupAddress[]).map(({ address }) => address)).toEqual([
      '127.0.0.1',
      '::1',
    ])
    expect(await all({})).toEqual({ address: '127.0.0.1', family: 4 })
    expect(await all({ family: 6 })).toEqual({ address: '::1', family: 6 })
  },
)

test.each(['127.0.0.1', '::1', '', 'localhost.example.com', 'notlocalhost', '.localhost', 'example.com'])(
  '%j is left to the system',
  (host) => {
    expect(waysTo(host)).toEqual({})
  },
)
