import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, resolve } from 'node:path'
import { MtlsError } from '../errors.js'
import type { Environment } from './child-environment.js'

/** Where a program is looked for: the directory and the environment that it will have. */
export interface Surroundings {
  readonly cwd: string
  readonly env: Environment
}

/**
 * The path of the program that this command starts. Throws `COMMAND_NOT_FOUND` when there is none that this user may
 * start; does not start it.
 */
export function findCommand(command: string, { cwd, env }: Surroundings): string {
  if (command.includes('/')) {
    const path = resolve(cwd, command)
    const problem = startProblem(path)
    if (problem === undefined) return path
    throw new MtlsError('COMMAND_NOT_FOUND', `${path} ${problem}`, { hint: hints[problem] })
  }
  const directories = env.PATH ? env.PATH.split(delimiter) : []
  const paths = directories.map((directory) => resolve(cwd, directory, command))
  const found = paths.find((path) => startProblem(path) === undefined)
  if (found !== undefined) return found
  const unusable = paths.find((path) => startProblem(path) === notExecutable)
  if (unusable !== undefined)
    throw new MtlsError('COMMAND_NOT_FOUND', `${unusable} ${notExecutable}`, { hint: hints[notExecutable] })
  throw new MtlsError('COMMAND_NOT_FOUND', `${JSON.stringify(command)} was not found on the PATH`, {
    ...(/\s/.test(command) && {
      hint: 'Write the command and its arguments as separate words, without quotes around all of them.',
    }),
  })
}

const absent = 'does not exist'
const directory = 'is a directory'
const notExecutable = 'may not be executed by this user'

const hints = {
  [absent]: 'Give the path of a program. A relative path starts in the working directory of the program.',
  [directory]: 'Give the path of the program in it.',
  [notExecutable]: 'Start a script by its interpreter (-- node server.js), or make it executable: chmod +x.',
}

function startProblem(path: string): keyof typeof hints | undefined {
  try {
    if (statSync(path).isDirectory()) return directory
    accessSync(path, constants.X_OK)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? notExecutable : absent
  }
}
