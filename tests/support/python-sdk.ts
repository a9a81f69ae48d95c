import { execFileSync } from 'node:child_process'
import { delimiter } from 'node:path'
import { onPath } from './tools.js'

/**
 * The interpreter that has this major version of the Python SDK (`mcp`); undefined when there is none. SDK_PYTHONS
 * names interpreters, one for each version to try, as PATH does.
 */
export function pythonWithSdk(major: number): string | undefined {
  return (process.env.SDK_PYTHONS ?? onPath('python3') ?? '')
    .split(delimiter)
    .find((python) => python !== '' && sdkVersion(python)?.startsWith(`${major}.`))
}

function sdkVersion(python: string): string | undefined {
  try {
    const script = "from importlib.metadata import version; print(version('mcp'))"
    return execFileSync(python, ['-c', script], { stdio: 'pipe' }).toString().trim()
  } catch {
    return undefined
  }
}
