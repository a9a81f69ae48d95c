import fc from 'fast-check'
import { expect, test } from 'vitest'
import { answeredId, isPerhapsAnswer } from '../../src/expose/stdio/answer-id.js'
import { Lines, type Unreadable } from '../../src/relay/lines.js'

function read(chunks: readonly Buffer[], maxLine = 1000) {
  const lines: string[] = []
  const tooLong: Unreadable[] = []
  const reader = new Lines({
    maxLine,
    onLine: (line) => lines.push(line),
    onTooLong: (line) => tooLong.push(line),
  })
  for (const chunk of chunks) reader.push(chunk)
  return { reader, lines, tooLong }
}

test('however bytes are cut, the lines are the same', () => {
  const line = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\n', ''))
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 30 })),
      (texts, sizes) => {
        let bytes = Buffer.from(texts.map((text) => `${text}\n`).join(''))
        const chunks: Buffer[] = []
        for (const size of [...sizes, bytes.length]) {
          chunks.push(bytes.subarray(0, size))
          bytes = bytes.subarray(size)
        }
        expect(read(chunks).lines).toEqual(texts.map((text) => Buffer.from(text).toString()))
      },
    ),
  )
})

test('a line in very small pieces takes no more memory than one in large ones', () => {
  const { reader, lines } = read([], 20_000_000)
  const piece = Buffer.from('0123456789abcdef')
  const before = process.memoryUsage()
  for (let at = 0; at < 200_000; at++) reader.push(Buffer.from(piece))
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  expect(heapUsed - before.heapUsed + arrayBuffers - before.arrayBuffers).toBeLessThan(60 * 2 ** 20)
  reader.push(Buffer.from('\n'))
  expect(lines[0]?.length).toBe(3_200_000)
})

test('of a line that is too long its begin and its end are kept, and the next line is read', () => {
  const long = `begin ${'x'.repeat(5000)} end`
  const whole = read([Buffer.from(`${long}\nnext\n`)])
  const pieces = read([...Buffer.from(`${long}\nnext\n`)].map((byte) => Buffer.from([byte])))
  for (const { lines, tooLong } of [whole, pieces]) {
    expect(lines).toEqual(['next'])
    expect(tooLong).toHaveLength(1)
    expect(tooLong[0]?.head).toMatch(/^begin x+$/)
    expect(tooLong[0]?.tail).toMatch(/x end$/)
  }
})

test('a line of exactly the limit is not too long', () => {
  const { lines, tooLong } = read([Buffer.from(`${'x'.repeat(1000)}\n${'x'.repeat(1001)}\n`)])
  expect([lines.length, tooLong.length]).toEqual([1, 1])
})

test.each([
  ['{"jsonrpc":"2.0","id":5,"result":{"content":[', 5],
  ['{"id": 5, "jsonrpc": "2.0", "error": {', 5],
  ['{"result":{"a":1},"jsonrpc":"2.0","id":7}', 7],
  ['{"jsonrpc":"2.0","result":{"id":3},"id":7}', 7],
  ['{"result":{"structuredContent":{"id":3}}}', undefined],
  ['{"jsonrpc":"2.0","id":5,"method":"sampling/createMessage","params":{', undefined],
  ['{"jsonrpc":"2.0","method":"notifications/message","params":{"data":{"id":4}', undefined],
  ['{"id":4, "user": "bob"} <- debug', undefined],
  ['[{"jsonrpc":"2.0","id":5,"result":{}}', undefined],
  ['{"jsonrpc":"2.0","id":"5","result":{', undefined],
])('the request that %s answers is %s', (line, id) => {
  expect(answeredId({ head: line.slice(0, 256), tail: line.slice(-256) })).toBe(id)
})

test.each([
  ['{"jsonrpc":"2.0","id":{"jsonrpc":"2.0","id":5,"result":{}}', true],
  ['{"jsonrpc":"2.0","method":"notifications/message"', false],
  ['Listening on {"jsonrpc"', false],
  ['[debug] sent {"jsonrpc":"2.0","id":999,"result":{}} in 4 ms', false],
  ['[{"jsonrpc":"2.0","id":5,"result":', true],
  ['{"level":30,"msg":"x"}', false],
])('somebody may wait for %s: %s', (head, may) => {
  expect(isPerhapsAnswer({ head, tail: '' })).toBe(may)
})
