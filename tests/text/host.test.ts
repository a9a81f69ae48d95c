import { describe, expect, it } from 'vitest'
import { bareHost, bracketedHost } from '../../src/text/host.js'

describe('a host in text', () => {
  it('loses the brackets of an IPv6 address, and nothing else', () => {
    expect(bareHost('[::1]')).toBe('::1')
    expect(bareHost('::1')).toBe('::1')
    expect(bareHost('localhost')).toBe('localhost')
    expect(bareHost('127.0.0.1')).toBe('127.0.0.1')
  })

  it('gets brackets where it is an IPv6 address', () => {
    expect(bracketedHost('::1')).toBe('[::1]')
    expect(bracketedHost('[::1]')).toBe('[::1]')
    expect(bracketedHost('localhost')).toBe('localhost')
    expect(bracketedHost('127.0.0.1')).toBe('127.0.0.1')
  })
})
