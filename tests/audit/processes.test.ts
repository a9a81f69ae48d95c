import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { openAudit, verifyAudit } from '../../src/audit/index.js'
import { endedCall, linesIn, openRecord } from '../support/audited.js'
import { bin } from '../support/cli.js'
import { scratch } from '../support/scratch.js'

const audit = pathToFileURL(join(bin, '../../audit/index.js')).href

/** A process that does something with `openAudit`. */
function start(work: string, ...args: string[]) {
  const script = `const [url, ...args] = process.argv.slice(1); const { openAudit } = await import(url); ${work}`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, audit, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  return child
}

test('a second process is refused, and told who writes', async () => {
  const { audit: own, path } = await openRecord()
  const child = start(
    `await openAudit({ sink: args[0] }).catch(({ code, message }) => console.log(code, message))`,
    path,
  )
  expect(await text(child.stdout)).toMatch(new RegExp(`^AUDIT_FAILED .*process ${process.pid} `))
  own.record(endedCall())
  await own.close()
  expect(await verifyAudit({ files: [path] })).toMatchObject({ ok: true })
})

test('and takes over from one that was killed', async () => {
  const path = join(scratch(), 'audit.jsonl')
  const child = start(
    `await openAudit({ sink: args[0] }); console.log('open'); setInterval(() => {}, 1000)`,
    path,
  )
  await once(child.stdout, 'data')
  await expect(openAudit({ sink: path })).rejects.toMatchObject({ code: 'AUDIT_FAILED' })
  child.kill('SIGKILL')
  await once(child, 'exit')
  await (await openAudit({ sink: path })).close()
  expect(linesIn(path).map(({ event }) => event)).toEqual(['opened', 'restarted', 'checkpoint'])
})

test('standard output gets the same lines, and the process ends', async () => {
  const child = start(
    `const audit = await openAudit({ sink: '-' })
     for (let number = 0; number < 5000; number++) audit.record({ ...JSON.parse(args[0]), requestId: String(number) })
     await audit.close()`,
    JSON.stringify(endedCall()),
  )
  const [said, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  const lines = said
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(code).toBe(0)
  expect(lines.map(({ seq }) => seq)).toEqual(lines.map((_, at) => at + 1))
  expect(lines.filter(({ event }) => event === 'call')).toHaveLength(5000)
})

test('a reader of standard output that stops does not stop the process, and gets every line or their number', async () => {
  const child = start(
    `const audit = await openAudit({ sink: '-' })
     const call = JSON.parse(args[0])
     for (let number = 0; number < 20000; number++) {
       audit.record(call)
       if (number % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
     }
     process.stderr.write('all recorded ' + audit.health().lost)
     process.stdin.once('data', async () => { await audit.close(); process.exit() })`,
    JSON.stringify(endedCall()),
  )
  const [told] = await once(child.stderr.setEncoding('utf8'), 'data')
  expect(told).toMatch(/^all recorded \d+$/)
  child.stdin.write('now')
  const lines = (await text(child.stdout))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const lost = lines.reduce((sum, { lost = 0 }) => sum + lost, 0)
  expect(lost).toBeGreaterThan(0)
  expect(lines.filter(({ event }) => event === 'call').length + lost).toBe(20_000)
})
