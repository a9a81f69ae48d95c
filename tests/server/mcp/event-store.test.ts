import type { JSONRPCMessage } from '@modelcontextprotocol/server'
import { expect, test } from 'vitest'
import { RecentEvents } from '../../../src/server/mcp/event-store.js'

const message = (text: string): JSONRPCMessage => ({
  jsonrpc: '2.0',
  method: 'notifications/x',
  params: { text },
})

async function replayed(store: RecentEvents, after: string): Promise<string[]> {
  const texts: string[] = []
  await store.replayEventsAfter(after, {
    send: async (_id, sent) =>
      void texts.push(String((sent as unknown as { params: { text: string } }).params.text)),
  })
  return texts
}

test('what came after an event is replayed, of its stream alone', async () => {
  const store = new RecentEvents({ characters: 0 })
  const first = await store.storeEvent('a', message('1'))
  await store.storeEvent('b', message('other'))
  await store.storeEvent('a', message('2'))
  const priming = await store.storeEvent('c', {} as never)
  await store.storeEvent('c', message('3'))
  expect(await replayed(store, first)).toEqual(['2'])
  expect(await replayed(store, priming)).toEqual(['3'])
  expect(await store.getStreamIdForEventId(first)).toBe('a')
  expect(await store.getStreamIdForEventId('none')).toBeUndefined()
})

test('news that are not kept any more are known as such, unlike those of a call', async () => {
  const store = new RecentEvents({ characters: 0 })
  const news = await store.storeEvent('_GET_stream', message('1'))
  const ofCall = await store.storeEvent('a', message('1'))
  expect([news, ofCall].map((id) => store.isForgottenNews(id))).toEqual([false, false])
  await store.storeEvent('a', message('x'.repeat(1024 * 1024 - 60)))
  expect([news, ofCall, 'other'].map((id) => store.isForgottenNews(id))).toEqual([true, false, false])
})

test('it keeps the newest, by number and by size', async () => {
  const kept = { characters: 0 }
  const store = new RecentEvents(kept)
  const ids: string[] = []
  for (let count = 0; count < 1500; count++) ids.push(await store.storeEvent('a', message(String(count))))
  expect(await store.getStreamIdForEventId(ids[499] ?? '')).toBeUndefined()
  expect(await store.getStreamIdForEventId(ids[500] ?? '')).toBe('a')
  const large = await store.storeEvent('a', message('x'.repeat(1_000_000)))
  expect(kept.characters).toBeLessThanOrEqual(1024 * 1024)
  expect(await store.getStreamIdForEventId(large)).toBe('a')
  const tooLarge = await store.storeEvent('a', message('x'.repeat(2_000_000)))
  expect(await store.getStreamIdForEventId(tooLarge)).toBeUndefined()
  expect(kept.characters).toBe(0)
})

test('the stores of one identity together keep no more than they may, and give back what they kept', async () => {
  const kept = { characters: 0 }
  const stores = Array.from({ length: 100 }, () => new RecentEvents(kept))
  for (const store of stores) await store.storeEvent('a', message('x'.repeat(1_000_000)))
  expect(kept.characters).toBeLessThanOrEqual(8 * 1024 * 1024)
  for (const store of stores) store.close()
  await stores[0]?.storeEvent('a', message('too late'))
  expect(kept.characters).toBe(0)
})
