import { expect, test } from 'vitest'
import { SessionCache } from '../../src/client/sessions.js'
import { PeerJudge } from '../../src/tls/peer/peer-judge.js'

const facts = { path: undefined, authorizationError: undefined }
const judge = new PeerJudge({ anchors: [], mode: 'strict', crls: undefined }, 'server')
const session = (text: string) => ({ ticket: Buffer.from(text), facts, judge })

test('the 256 sessions that were set last are kept', () => {
  const cache = new SessionCache()
  for (let at = 0; at < 256; at++) cache.set(`server ${at}`, session(String(at)))
  expect(cache.get('server 0')).toEqual(session('0'))
  cache.set('server 0', session('new')) // the newest now
  cache.set('server 256', session('256'))
  expect(cache.get('server 1')).toBeUndefined()
  expect(cache.get('server 0')).toEqual(session('new'))
  expect(cache.get('server 2')).toEqual(session('2'))
  expect(cache.get('server 256')).toEqual(session('256'))
})
