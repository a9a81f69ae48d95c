import { expect, test } from 'vitest'
import { urlIn } from '../../src/text/url.js'

test('a URL is one however often it is asked for', () => {
  for (let count = 0; count < 20_000; count++)
    if (urlIn('https://bücher.example') === undefined) expect.unreachable(`no URL at the call ${count}`)
  expect(urlIn('https://bücher.example')?.host).toBe('xn--bcher-kva.example')
  expect(urlIn('/mcp', 'https://a.example/x')?.href).toBe('https://a.example/mcp')
  expect(urlIn('no URL')).toBeUndefined()
})
