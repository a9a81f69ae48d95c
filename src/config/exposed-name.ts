/** Programs that run another one, which their first argument names that is no flag and no command of theirs. */
const runners = /^(?:npx|node|python[\d.]*|uvx?|bunx?|deno|docker|podman)$/
const commandsOfRunners = /^(?:run|exec|tool|x)$/

/** A name for the server in a program: `npx -y @scope/server-files@1.2 /srv` → `server-files`. */
export function nameOfCommand(command: string, args: readonly string[] = []): string {
  const program = lastPart(command)
  if (!runners.test(program)) return program || 'exposed'
  const target = args.find((argument) => !argument.startsWith('-') && !commandsOfRunners.test(argument))
  return lastPart(target ?? '') || 'exposed'
}

/** The last part of a path or of the name of a package, without a version and an extension. */
function lastPart(text: string): string {
  const last = text.split(/[/\\]/).at(-1) ?? ''
  return last
    .replace(/(?<=.)[@:].*$/s, '')
    .replace(/\.(?:[cm]?[jt]s|py|rb|sh|jar|exe|cmd|bat)$/i, '')
    .replace(/[^\w.-]/g, '')
    .replace(/^[.-]+/, '')
}
