// How long commands take beside what they are compared with: bench/start-up.mjs in a process of its own for each round.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const program = fileURLToPath(new URL('../start-up.mjs', import.meta.url))
const commands = /** @type {const} */ (['--help', 'cert-gen', 'cert-check'])

/** @param {import('./measuring.mjs').Block} block */
export async function startUp({ rounds, short, add }) {
  for (let round = 0; round < rounds; round++) {
    const each = ['--json', '--rounds', short ? '1' : '3']
    const { stdout } = await promisify(execFile)(process.execPath, [program, ...each])
    /** @type {{ start_up: { what: string, ratio: number }[] }} */
    const { start_up } = JSON.parse(stdout)
    for (const command of commands) {
      const ratio = start_up.find(({ what }) => what.includes(command))?.ratio
      if (ratio === undefined) throw new Error(`bench/start-up.mjs does not measure ${command}`)
      add(
        { figure: 'time, as a multiple of what it is compared with', unit: '×', of: command, at: '' },
        ratio,
      )
    }
  }
}
