import { expect, test } from 'vitest'
import { Aside } from '../../../src/expose/upstream/aside.js'

/** A body in the hands of the test. */
function body() {
  const ready: (() => IteratorResult<Buffer>)[] = []
  const asked: ((next: () => IteratorResult<Buffer>) => void)[] = []
  const give = (next: () => IteratorResult<Buffer>) => {
    const take = asked.shift()
    if (take) take(next)
    else ready.push(next)
  }
  const state = { isReturned: false, asked: 0 }
  const chunks: AsyncIterable<Buffer> = {
    [Symbol.asyncIterator]: () => ({
      next: () => {
        state.asked++
        const next = ready.shift()
        return next
          ? Promise.resolve().then(next)
          : new Promise<() => IteratorResult<Buffer>>((resolve) => asked.push(resolve)).then((one) => one())
      },
      return: async () => {
        state.isReturned = true
        return { done: true, value: undefined }
      },
    }),
  }
  return {
    chunks,
    state,
    chunk: (text: string) => give(() => ({ done: false, value: Buffer.from(text) })),
    end: () => give(() => ({ done: true, value: undefined })),
    fail: (error: Error) =>
      give(() => {
        throw error
      }),
  }
}

test('what is said comes at once, also while nothing else does, and in its order between chunks', async () => {
  const { chunks, chunk, end, state } = body()
  const aside = new Aside()
  aside.say({ before: true })
  const stream = aside.between(chunks)
  expect(await stream.next()).toEqual({ done: false, value: { said: { before: true } } })
  const next = stream.next()
  aside.say({ first: 1 })
  aside.say({ second: 2 })
  expect((await next).value).toEqual({ said: { first: 1 } })
  expect((await stream.next()).value).toEqual({ said: { second: 2 } })
  chunk('a')
  expect((await stream.next()).value).toEqual(Buffer.from('a'))
  expect(state.asked).toBe(1) // no more than what is asked for is read
  aside.say({ third: 3 })
  end()
  expect((await stream.next()).value).toEqual({ said: { third: 3 } })
  expect((await stream.next()).done).toBe(true)
  expect(state.isReturned).toBe(true)
})

test('a body that breaks breaks the stream', async () => {
  const { chunks, chunk, fail } = body()
  const stream = new Aside().between(chunks)
  chunk('a')
  expect((await stream.next()).value).toEqual(Buffer.from('a'))
  fail(new Error('broken'))
  await expect(stream.next()).rejects.toThrow('broken')
  expect((await stream.next()).done).toBe(true)
})

test('whoever reads no more ends the body', async () => {
  const { chunks, chunk, state } = body()
  const stream = new Aside().between(chunks)
  chunk('a')
  await stream.next()
  await stream.return(undefined)
  expect(state.isReturned).toBe(true)
})
