import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { showcase } from '../support/calling.js'
import { bin } from '../support/cli.js'
import { describeWith, onPath } from '../support/tools.js'
import { makeWorld, serveTest } from '../support/world.js'

/** Runs a program at a terminal, types each text once the one before it was shown, prints all that was shown, and exits as it does. */
const typing = `
import json, os, pty, sys
steps = json.loads(sys.argv[1])
pid, terminal = pty.fork()
if pid == 0: os.execv(sys.argv[2], sys.argv[2:])
shown = b''
seen = 0
while True:
    try: data = os.read(terminal, 65536)
    except OSError: break
    if not data: break
    shown += data
    while steps and steps[0][0].encode() in shown[seen:]:
        wanted, typed = steps.pop(0)
        seen = len(shown)
        os.write(terminal, typed.encode())
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(status))`

async function typed(tool: string, ...steps: readonly (readonly [shown: string, typed: string])[]) {
  await using world = await makeWorld()
  await using served = await serveTest({ tls: world.tls }, showcase)
  const args = [process.execPath, bin, 'call', served.server.url, tool, '--cert-dir', world.certDir]
  const program = promisify(execFile)('python3', ['-c', typing, JSON.stringify(steps), ...args])
  return await program.then(
    ({ stdout }) => ({ code: 0, shown: stdout }),
    ({ code, stdout }) => ({ code, shown: stdout }),
  )
}

describeWith('python3', onPath('python3') !== undefined, 'a question at a terminal', () => {
  test('is answered there', async () => {
    const { code, shown } = await typed(
      'form',
      ['name: ', 'Ada\n'],
      ['age: ', '36\n'],
      ['colour: ', '\n'],
      [']: ', 'y\n'],
    )
    expect(code).toBe(0)
    expect(shown).toContain('"content":{"name":"Ada","age":36,"news":true}')
  })

  test('ends with Ctrl-D, and the tool hears of it', async () => {
    const { code, shown } = await typed('form', ['name: ', '\u0004'])
    expect(code).toBe(0)
    expect(shown).toContain('{"action":"cancel"}')
  })

  test('ends the command with Ctrl-C', async () => {
    const { code, shown } = await typed('form', ['name: ', '\u0003'])
    expect(code).toBe(130)
    expect(shown).not.toContain('"action"')
  })
})
