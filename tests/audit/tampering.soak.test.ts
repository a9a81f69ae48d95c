import { expect, test } from 'vitest'
import { places, recordOf200, verified } from '../support/tampered.js'
import { tier } from '../support/tier.js'

test('a changed byte is found, wherever it is in a finished record of 200 lines', async () => {
  const { record, key } = await recordOf200()
  const changed = Buffer.from(record)
  for (const { at, from, to, line } of places(record)) {
    if (line > tier(15, 200) && line < 190) continue
    const byte = record[at] ?? 0
    // The lowest bit, the case of letters, what is no ASCII.
    changed[at] = byte ^ ([1, 0x20, 0x80][at % 3] ?? 0)
    const { problems } = verified(changed.subarray(from, to), key)
    // That the part does not begin with the first line is a problem of its own.
    if (problems.length < (from === 0 ? 1 : 2)) expect.fail(`byte ${at}: ${changed.subarray(from, to)}`)
    changed[at] = byte
  }
})

test('and so it is when the record is read from its beginning to its end', async () => {
  const { record, key } = await recordOf200()
  const changed = Buffer.from(record)
  for (let at = 0; at < record.length; at += tier(997, 41)) {
    const byte = record[at] ?? 0
    changed[at] = byte ^ 1
    if (verified(changed, key).problems.length === 0) expect.fail(`byte ${at}`)
    changed[at] = byte
  }
  expect(verified(record, key).problems).toEqual([])
})
