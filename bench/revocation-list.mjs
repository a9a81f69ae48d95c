// What it costs to read a revocation list, to hold it, and to ask it: must grow no faster than the list.
//   npm run build && node --expose-gc bench/revocation-list.mjs
import { randomBytes } from 'node:crypto'
import { createAuthority, createCrl } from '../dist/pki/index.js'
import { readCrls } from '../dist/x509/crl.js'

const authority = await createAuthority()
const serial = () => `1${randomBytes(16).toString('hex').slice(1)}`
const held = () => {
  globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

console.log(`node ${process.version}${globalThis.gc ? '' : ', memory unknown without --expose-gc'}`)
console.log('entries     read ms  heap MB  write ms  ask ns   read per entry')
let first
for (const entries of [1_000, 10_000, 100_000]) {
  const revocation = { at: new Date(), reason: /** @type {const} */ ('keyCompromise') }
  const revoked = new Map(Array.from({ length: entries }, () => [serial(), revocation]))
  let begun = performance.now()
  const { pem } = createCrl(authority, revoked)
  const writing = performance.now() - begun
  const before = held()
  begun = performance.now()
  const [list] = readCrls(pem, 'list')
  const reading = performance.now() - begun
  const heap = (held() - before) / 1e6
  const [wanted = ''] = revoked.keys()
  begun = performance.now()
  let found = 0
  for (let turn = 0; turn < 100_000; turn++) if (list?.revoked.has(wanted)) found++
  const asking = ((performance.now() - begun) / found) * 1e6
  first ??= reading / entries
  const figures = [
    reading.toFixed(1).padStart(8),
    heap.toFixed(1).padStart(8),
    writing.toFixed(0).padStart(9),
  ]
  const ratio = `×${(reading / entries / first).toFixed(2)}`
  console.log(`${String(entries).padEnd(10)}${figures.join(' ')} ${asking.toFixed(0).padStart(7)}   ${ratio}`)
}
