import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { type AuditNews, openAudit, queueBound, verifyAudit } from '../../src/audit/index.js'
import { endedCall, linesIn, openRecord } from '../support/audited.js'
import { scratch } from '../support/scratch.js'

const events = (lines: readonly Readonly<Record<string, unknown>>[]) => lines.map(({ event }) => event)

describe('a record', () => {
  test('begins with a line that says so, and numbers its lines from 1', async () => {
    const { audit, lines } = await openRecord()
    audit.record(endedCall())
    audit.record(endedCall())
    await audit.close()
    expect(events(lines())).toEqual(['opened', 'call', 'call', 'checkpoint'])
    expect(lines().map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
    expect(lines()[0]).toMatchObject({ continues: null, prev: '0'.repeat(64) })
  })

  test('binds each line to the one before by SHA-256', async () => {
    const { audit, path } = await openRecord()
    for (let number = 0; number < 20; number++)
      audit.record(endedCall({ arguments: { text: `Zürich ${number}` } }))
    await audit.close()
    const lines = fs.readFileSync(path, 'utf8').split('\n').slice(0, -1)
    for (const [at, line] of lines.slice(1).entries())
      expect(JSON.parse(line).prev).toBe(
        createHash('sha256')
          .update(lines[at] ?? '')
          .digest('hex'),
      )
  })

  test('goes on in the same file after a restart, and says so', async () => {
    const { audit, path, lines } = await openRecord()
    audit.record(endedCall())
    await audit.close()
    const again = await openAudit({ sink: path })
    again.record(endedCall())
    await again.close()
    expect(events(lines())).toEqual(['opened', 'call', 'checkpoint', 'restarted', 'call', 'checkpoint'])
    expect(await verifyAudit({ files: [path] })).toMatchObject({ ok: true, lines: 6, unproven_lines: 0 })
  })

  test('is readable by its owner alone, and so is its key', async () => {
    const { path } = await openRecord()
    const mode = (name: string) => fs.statSync(name).mode & 0o777
    expect([mode(path), mode(`${path}.key`), mode(`${path}.pub`)]).toEqual([0o600, 0o600, 0o644])
  })

  test('tells the public key when it is made, and not again', async () => {
    const told: AuditNews[] = []
    const { audit, path } = await openRecord({ tell: (news) => told.push(news) })
    await audit.close()
    await (await openAudit({ sink: path, tell: (news) => told.push(news) })).close()
    const publicKey = fs.readFileSync(`${path}.pub`, 'utf8')
    expect(told).toEqual([{ event: 'audit-key-made', path: `${path}.pub`, publicKey }])
    expect(createPublicKey(publicKey).asymmetricKeyType).toBe('ed25519')
  })

  test('sums up refusals by address, reason and server', async () => {
    const { audit, lines } = await openRecord()
    for (let number = 0; number < 50; number++) audit.refused('192.0.2.1', 'CERT_EXPIRED', 'weather-mcp')
    audit.refused('192.0.2.1', 'CLIENT_CERT_REQUIRED', 'weather-mcp')
    audit.refused('192.0.2.2', 'CERT_EXPIRED')
    await audit.close()
    const refused = lines().filter(({ event }) => event === 'refused')
    expect(
      refused.map(({ address, error, server, decision, count }) => [address, error, server, decision, count]),
    ).toEqual([
      ['192.0.2.1', 'CERT_EXPIRED', 'weather-mcp', 'refused', 50],
      ['192.0.2.1', 'CLIENT_CERT_REQUIRED', 'weather-mcp', 'refused', 1],
      ['192.0.2.2', 'CERT_EXPIRED', null, 'refused', 1],
    ])
  })

  test('counts refusals of too many addresses together', async () => {
    const { audit, lines } = await openRecord()
    for (let number = 0; number < 5000; number++) audit.refused(`192.0.2.${number}`, 'CERT_EXPIRED')
    await audit.close()
    const refused = lines().filter(({ event }) => event === 'refused')
    expect(refused).toHaveLength(101)
    expect(refused.reduce((sum, { count }) => sum + Number(count), 0)).toBe(5000)
    expect(refused.at(-1)).toMatchObject({ address: null, count: 4900 })
  })

  test('writes an intent at once, before the call runs', async () => {
    const { audit, lines } = await openRecord({ onFailure: 'deny' })
    const { outcome, error, durationMs, bytesOut, ...start } = endedCall()
    await audit.intent(start)
    expect(lines().at(-1)).toMatchObject({ event: 'intent', request_id: 'request-1', outcome: null })
  })
})

describe('checkpoints', () => {
  test('are made after so many lines', async () => {
    const { audit, lines } = await openRecord({ checkpoint: { lines: 3 } })
    for (let number = 0; number < 5; number++) audit.record(endedCall())
    await audit.drain()
    expect(events(lines())).toEqual([
      'opened',
      'call',
      'call',
      'checkpoint',
      'call',
      'call',
      'call',
      'checkpoint',
    ])
  })

  test('are made after some time with lines in it, and not without', async () => {
    const { audit, lines } = await openRecord({ checkpoint: { ms: 20 } })
    audit.record(endedCall())
    await expect.poll(() => events(lines())).toEqual(['opened', 'call', 'checkpoint'])
    audit.record(endedCall())
    await expect.poll(() => events(lines()).slice(3)).toEqual(['call', 'checkpoint'])
    await audit.close()
    expect(lines()).toHaveLength(5)
  })

  test('by a key from outside', async () => {
    const key = join(scratch(), 'audit.pem')
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    fs.writeFileSync(key, privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    const { audit, path } = await openRecord({ key })
    audit.record(endedCall())
    await audit.close()
    expect(fs.existsSync(`${path}.key`)).toBe(false)
    const found = await verifyAudit({
      files: [path],
      key: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    })
    expect(found).toMatchObject({
      ok: true,
      checkpoints: 1,
      unproven_lines: 0,
      key: { from: 'given', file: null },
    })
    expect(await verifyAudit({ files: [path], key: found.key?.verifier ?? '' })).toMatchObject({
      ok: true,
      checkpoints: 1,
    })
  })
})

describe('a key is refused', () => {
  const opened = (key: string) => openAudit({ sink: join(scratch(), 'audit.jsonl'), key })
  const file = (content: string, mode = 0o600) => {
    const path = join(scratch(), 'key.pem')
    fs.writeFileSync(path, content)
    fs.chmodSync(path, mode)
    return path
  }
  const pem = (key = generateKeyPairSync('ed25519').privateKey) =>
    key.export({ type: 'pkcs8', format: 'pem' }).toString()

  test.each([
    ['that is not there', () => join(scratch(), 'none'), /does not exist/],
    ['that is no key', () => file('nothing'), /not a private Ed25519 key/],
    [
      'of another kind',
      () => file(pem(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey)),
      /not a private Ed25519 key/,
    ],
    ['that others may read', () => file(pem(), 0o644), /others may read/],
  ])('%s', async (_, key, message) => {
    await expect(opened(key())).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(message),
    })
  })

  test('that is another than that of the record', async () => {
    const { audit, path } = await openRecord()
    await audit.close()
    await expect(openAudit({ sink: path, key: file(pem()) })).rejects.toMatchObject({ code: 'KEY_MISMATCH' })
  })

  test('that is new beside the public key of another leaves no key behind', async () => {
    const path = join(scratch(), 'audit.jsonl')
    const { publicKey } = generateKeyPairSync('ed25519')
    fs.writeFileSync(`${path}.pub`, publicKey.export({ type: 'spki', format: 'pem' }))
    await expect(openAudit({ sink: path })).rejects.toMatchObject({ code: 'KEY_MISMATCH' })
    expect(fs.readdirSync(join(path, '..'))).toEqual(['audit.jsonl.pub'])
  })
})

describe('one writer', () => {
  test('servers of one process share a record by its path', async () => {
    const { audit, path, lines } = await openRecord()
    const other = await openAudit({ sink: join(path, '..', '.', 'audit.jsonl') })
    audit.record(endedCall({ server: 'weather-mcp' }))
    other.record(endedCall({ server: 'datetime-mcp' }))
    await audit.close()
    other.record(endedCall({ server: 'echo-mcp' }))
    await other.close()
    expect(lines().flatMap(({ server }) => server ?? [])).toEqual(['weather-mcp', 'datetime-mcp', 'echo-mcp'])
    expect(await verifyAudit({ files: [path] })).toMatchObject({ ok: true })
  })

  test('but not with other settings', async () => {
    const { path } = await openRecord()
    await expect(openAudit({ sink: path, arguments: true })).rejects.toMatchObject({ code: 'CONFIG_INVALID' })
  })

  test('two ends at once wait for the same', async () => {
    const { audit, lines } = await openRecord()
    audit.record(endedCall())
    await Promise.race([audit.close(), audit.close()])
    expect(events(lines())).toEqual(['opened', 'call', 'checkpoint'])
  })

  test('what is asked of it after its end leaves the file alone: another process may write it', async () => {
    const { audit, path } = await openRecord()
    audit.record(endedCall())
    const closing = audit.close()
    const during = [audit.drain(), audit.reopen()]
    await Promise.all([closing, ...during])
    fs.renameSync(path, `${path}.kept`)
    audit.record(endedCall())
    await audit.drain()
    await audit.reopen()
    await expect(audit.intent(endedCall())).rejects.toMatchObject({ code: 'AUDIT_FAILED' })
    expect(fs.existsSync(path)).toBe(false)
    expect(audit.health()).toMatchObject({ lost: 2 })
  })

  test('many that open and close at once are one after the other, or together', async () => {
    const path = join(scratch(), 'audit.jsonl')
    await Promise.all(
      Array.from({ length: 10 }, async (_, number) => {
        const audit = await openAudit({ sink: path })
        audit.record(endedCall({ id: number }))
        await audit.close()
      }),
    )
    expect(linesIn(path).filter(({ event }) => event === 'call')).toHaveLength(10)
    expect(await verifyAudit({ files: [path] })).toMatchObject({ ok: true, unproven_lines: 0 })
  })
})

describe('is not begun', () => {
  test.each([
    ['in a directory that is not there', 'nowhere/audit.jsonl', 'does not exist', 'mkdir -p DIR/nowhere'],
    ['in a file', 'file/audit.jsonl', 'its directory is a file', 'in a directory'],
    [
      'where a directory is',
      'directory',
      'it is a directory',
      'Name a file in it: DIR/directory/audit.jsonl',
    ],
  ])('%s, and the hint has the way out', async (_, name, problem, fix) => {
    const directory = fs.realpathSync(scratch())
    fs.writeFileSync(join(directory, 'file'), '')
    fs.mkdirSync(join(directory, 'directory'))
    await expect(openAudit({ sink: join(directory, name) })).rejects.toMatchObject({
      code: 'AUDIT_FAILED',
      message: expect.stringContaining(problem),
      hint: expect.stringContaining(fix.replace('DIR', directory)),
    })
  })

  test('on a device: a setting is wrong, nobody changed a record', async () => {
    const link = join(scratch(), 'audit.jsonl')
    fs.symlinkSync('/dev/null', link)
    await expect(openAudit({ sink: link })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('is not a regular file'),
    })
  })

  test.each([
    ['a text of somebody', 'Dear diary,\n'],
    ['a text without line end', 'Dear diary'],
    ['JSON lines of something else', '{"level":30}\n'],
    ['a record and something else', '{"time":"2026-01-01T00:00:00.000Z"}\n'],
  ])('on %s, which stays as it is', async (_, text) => {
    const path = join(scratch(), 'audit.jsonl')
    fs.writeFileSync(path, text)
    await expect(openAudit({ sink: path })).rejects.toMatchObject({ code: 'AUDIT_TAMPERED' })
    expect(fs.readFileSync(path, 'utf8')).toBe(text)
  })
})

describe('a torn end', () => {
  test('of every length is cut, and the line that says so has what was cut', async () => {
    const { audit, path } = await openRecord({ checkpoint: { lines: 1000 } })
    audit.record(endedCall({ arguments: {} }))
    await audit.drain()
    const whole = fs.readFileSync(path)
    await audit.close()
    const start = whole.lastIndexOf(10, whole.length - 2) + 1
    for (let length = start + 1; length < whole.length; length += 13) {
      fs.writeFileSync(path, whole.subarray(0, length))
      const again = await openAudit({ sink: path })
      await again.close()
      const [, recovered, restarted] = linesIn(path)
      expect(recovered).toMatchObject({ event: 'recovered', torn_bytes: length - start })
      expect(whole.subarray(start, length).toString()).toContain(String(recovered?.torn).replace(/…$/, ''))
      expect(restarted).toMatchObject({ event: 'restarted' })
      expect(await verifyAudit({ files: [path] })).toMatchObject({ ok: true, unproven_lines: 0 })
    }
  })

  test('of the first line leaves a new record', async () => {
    const { audit, path } = await openRecord()
    await audit.close()
    const whole = fs.readFileSync(path)
    for (const length of [0, 1, 5, 60, whole.indexOf(10)]) {
      fs.writeFileSync(path, whole.subarray(0, length))
      await (await openAudit({ sink: path })).close()
      expect(events(linesIn(path)).slice(0, 2)).toEqual(['opened', length === 0 ? 'checkpoint' : 'recovered'])
      expect(await verifyAudit({ files: [path] })).toMatchObject({ ok: true, unproven_lines: 0 })
    }
  })

  test('of zeros, as a power failure leaves them, is cut', async () => {
    const { audit, path } = await openRecord()
    audit.record(endedCall())
    await audit.close()
    fs.appendFileSync(path, Buffer.alloc(200_000))
    await (await openAudit({ sink: path })).close()
    expect(linesIn(path)[3]).toMatchObject({ event: 'recovered', torn_bytes: 200_000 })
    expect(await verifyAudit({ files: [path] })).toMatchObject({ ok: true, unproven_lines: 0 })
  })
})

describe('a function', () => {
  test('gets each line, as a value and as it is hashed', async () => {
    const got: [Readonly<Record<string, unknown>>, string][] = []
    const audit = await openAudit({ sink: (record, line) => got.push([record, line]) })
    audit.record(endedCall())
    await audit.close()
    expect(events(got.map(([record]) => record))).toEqual(['opened', 'call'])
    expect(got.map(([, line]) => JSON.parse(line))).toEqual(got.map(([record]) => record))
    expect(got[1]?.[0].prev).toBe(
      createHash('sha256')
        .update(got[0]?.[1] ?? '')
        .digest('hex'),
    )
  })

  test('that throws is asked again, and the record says that it fails', async () => {
    let fails = false
    const got: unknown[] = []
    const told: string[] = []
    const sink = ({ event }: Readonly<Record<string, unknown>>) => {
      if (fails) throw new Error('no')
      got.push(event)
    }
    const audit = await openAudit({ sink, tell: ({ event }) => told.push(event) })
    fails = true
    audit.record(endedCall())
    await audit.drain()
    expect(audit.health()).toMatchObject({ ok: false, lost: 0, error: expect.stringContaining('function') })
    await expect(audit.intent(endedCall())).rejects.toMatchObject({ code: 'AUDIT_FAILED' })
    fails = false
    await audit.close()
    expect([got, told]).toEqual([
      ['opened', 'call'],
      ['audit-failed', 'audit-works-again'],
    ])
    expect(audit.health()).toMatchObject({ ok: true, lost: 0, error: undefined, since: undefined })
  })
})

test('a call that no line can be made of is counted as lost where it would stand, and the others go on', async () => {
  const { audit, lines } = await openRecord()
  audit.record(endedCall())
  audit.record(endedCall({ arguments: { number: 1n } }))
  audit.record(endedCall())
  await audit.drain()
  expect(audit.health()).toMatchObject({ ok: true, lost: 1 })
  expect(events(lines())).toEqual(['opened', 'call', 'lost', 'call'])
})

test('lines beyond the bound of the queue are lost, counted, told, and a line says how many', async () => {
  let isHeld = true
  let release = () => {}
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const got: Readonly<Record<string, unknown>>[] = []
  const sink = async (record: Readonly<Record<string, unknown>>) => {
    if (isHeld && record.event === 'call') await held
    got.push(record)
  }
  const audit = await openAudit({ sink })
  audit.record(endedCall())
  void audit.drain()
  await vi.waitFor(() => expect(got).toHaveLength(1))
  for (let number = 0; number < queueBound.lines + 500; number++) audit.record(endedCall({ id: number }))
  // A kill would lose the others: those in the queue, and the one in flight.
  expect(queueBound.lines + 501 - audit.health().lost).toBeLessThanOrEqual(queueBound.lines)
  await expect(audit.intent(endedCall())).rejects.toMatchObject({ code: 'AUDIT_FAILED' })
  isHeld = false
  release()
  await audit.close()
  const lost = got.filter(({ event }) => event === 'lost').reduce((sum, line) => sum + Number(line.lost), 0)
  expect(lost).toBe(audit.health().lost)
  expect(got.filter(({ event }) => event === 'call')).toHaveLength(queueBound.lines + 502 - lost)
})

test('a function that never ends does not hold up the end, and health says so', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  try {
    const sink = ({ event }: Readonly<Record<string, unknown>>) =>
      event === 'call' ? new Promise(() => {}) : undefined
    const audit = await openAudit({ sink })
    audit.record(endedCall())
    const intent = expect(audit.intent(endedCall())).rejects.toMatchObject({ code: 'AUDIT_FAILED' })
    const closing = audit.close()
    await vi.advanceTimersByTimeAsync(5100)
    await intent
    await closing
    expect(audit.health()).toMatchObject({ ok: false, lost: 2, error: expect.stringContaining('function') })
  } finally {
    vi.useRealTimers()
  }
})

test('a drain ends while more and more is recorded', async () => {
  const { audit } = await openRecord()
  let isOver = false
  const load = (async () => {
    while (!isOver) {
      for (let number = 0; number < 100; number++) audit.record(endedCall())
      await new Promise((resolve) => setImmediate(resolve))
    }
  })()
  for (let times = 0; times < 5; times++) await audit.drain()
  await audit.reopen()
  isOver = true
  await load
  expect(audit.health().ok).toBe(true)
})

test('a record that cannot be begun leaves no keys behind', async () => {
  const directory = scratch()
  const sink = join(directory, 'policy.yaml')
  fs.writeFileSync(sink, 'rules: []\n')
  await expect(openAudit({ sink })).rejects.toMatchObject({ code: 'AUDIT_TAMPERED' })
  expect(fs.readdirSync(directory)).toEqual(['policy.yaml'])
  expect(fs.readFileSync(sink, 'utf8')).toBe('rules: []\n')
})
