import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dataIn, EventCutter, idIn } from '../../../src/expose/upstream/events.js'

const cut = (cutter: EventCutter, text: string | Buffer) =>
  cutter.push(Buffer.from(text as string)).map(({ bytes, isEvent }) => [bytes.toString(), isEvent])

describe.each([
  ['LF', '\n'],
  ['CRLF', '\r\n'],
  ['CR', '\r'],
])('a stream with line ends of %s', (_, end) => {
  it('is cut behind each event', () => {
    const [first, second] = [`id: 1${end}data: a${end}${end}`, `event: message${end}data: b${end}${end}`]
    expect(cut(new EventCutter(), first + second)).toEqual([
      [first, true],
      [second, true],
    ])
  })

  it('waits for the blank line', () => {
    const cutter = new EventCutter()
    expect(cut(cutter, `data: a${end}`)).toEqual([])
    expect(cut(cutter, `: not the end${end}data: b`)).toEqual([])
    expect(cut(cutter, `${end}${end}`)[0]).toEqual([
      `data: a${end}: not the end${end}data: b${end}${end}`,
      true,
    ])
  })

  it('hands a comment on at once', () => {
    const cutter = new EventCutter()
    expect(cut(cutter, `: ping${end}`)[0]).toEqual([`: ping${end}`, false])
    expect(
      cut(cutter, `${end}: pong${end}`)
        .map(([text]) => text)
        .join(''),
    ).toBe(`${end}: pong${end}`)
  })
})

it('a line feed that comes late belongs to its carriage return', () => {
  const cutter = new EventCutter()
  expect(cut(cutter, 'data: a\r\n\r')).toEqual([['data: a\r\n\r', true]])
  expect(cut(cutter, '\n')).toEqual([['\n', false]])
  expect(cut(cutter, 'data: b\r')).toEqual([])
  expect(cut(cutter, '\ndata: c\r\n\r\n')).toEqual([['data: b\r\ndata: c\r\n\r\n', true]])
})

it('a stream is cut the same way wherever it arrives in pieces, and no byte changes', () => {
  const part = fc.constantFrom(
    'data: ü😀',
    'data:x',
    ': c',
    'id: 1',
    'retry: 5',
    'data',
    '\n',
    '\n',
    '\r\n',
    '\r',
    '\r',
  )
  const text = fc.array(part, { maxLength: 40 }).map((parts) => Buffer.from(parts.join('')))
  fc.assert(
    fc.property(text, fc.array(fc.nat(7), { minLength: 1, maxLength: 30 }), (whole, sizes) => {
      const events = (pieces: { bytes: Buffer; isEvent: boolean }[]) =>
        pieces.filter(({ isEvent }) => isEvent).map(({ bytes }) => bytes.toString().replace(/\r\n?/g, '\n'))
      const cutter = new EventCutter()
      const pieces = []
      let at = 0
      for (let turn = 0; at < whole.length; turn++) {
        const size = 1 + (sizes[turn % sizes.length] ?? 0)
        pieces.push(...cutter.push(whole.subarray(at, at + size)))
        at += size
      }
      const passed = Buffer.concat(pieces.map(({ bytes }) => bytes)).toString()
      expect(whole.toString().startsWith(passed)).toBe(true)
      const atOnce = new EventCutter().push(whole)
      expect(Buffer.concat(atOnce.map(({ bytes }) => bytes)).toString()).toBe(passed)
      expect(events(pieces)).toEqual(events(atOnce))
    }),
    { numRuns: 500 },
  )
})

describe('what an event says', () => {
  it.each([
    ['id: 7\ndata: {"a":1}\n\n', '{"a":1}', '7'],
    ['data:{"a":\r\ndata: 1}\r\nid:x y\r\n\r\n', '{"a":\n1}', 'x y'],
    ['id:\rdata: id\r\r', 'id', undefined],
    ['idle: 1\ndatum: id: 2\n\n', '', undefined],
    ['id: 1\nid\ndata\ndata: b\n\n', '\nb', undefined],
    ['data: id: 3\nid: 1\nid: 2\n\n', 'id: 3', '2'],
    ['id: ü\ndata: x\n\n', 'x', 'ü'],
  ])('%j', (text, data, id) => {
    expect(dataIn(Buffer.from(text))).toBe(data)
    expect(idIn(Buffer.from(text))).toBe(id)
  })
})
