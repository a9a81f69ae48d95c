import { Command } from 'commander'
import type { Io } from '../../io/io.js'
import { repeatedArgument } from '../../options/arguments.js'
import { addDirectoryOptions } from '../../options/directories.js'
import { addSettingOptions, resolveSettings } from '../../options/settings.js'
import type { CheckFlags } from './check.js'
import type { ExplainFlags } from './explain.js'
import type { InitFlags } from './init.js'
import type { TestFlags } from './test.js'

const help = `
Examples:
  $ mcp-mtls policy init --out policy.yaml
  $ mcp-mtls policy check policy.yaml
  $ mcp-mtls policy explain policy.yaml --id cn:mcp-client --server weather-mcp --tool getTemperature

A policy says who may call what: docs/authorization.md.`

export function build(io: Io): Command {
  const command = new Command('policy')
    .description('Writes, checks and tries out policies: who may call what')
    .helpCommand(false)
    .addHelpText('after', help)
  addInit(command, io)
  addCheck(command, io)
  addExplain(command, io)
  addTest(command, io)
  return command
}

function addInit(parent: Command, io: Io): void {
  const command = parent
    .command('init')
    .description('Prints a first policy for the certificates that a CA has issued')
    .argument('[directory]', 'of the CA (default: --ca-dir, or the certificate directory)')
    .option('--out <file>', 'write it into a new file; never over one that is there')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mcp-mtls policy init
  $ mcp-mtls policy init ./ca --out policy.yaml

Each client that has a valid certificate gets a rule of its own, which allows every tool, resource and prompt:
narrow it.`,
    )
  addDirectoryOptions(command)
  addSettingOptions(command, 'trustDomains')
  command.action(async (directory: string | undefined, flags: InitFlags) => {
    const settings = await resolveSettings(command, io)
    const { initPolicy } = await import('./init.js')
    await initPolicy(directory, flags, settings, io)
  })
}

function addCheck(parent: Command, io: Io): void {
  const command = parent
    .command('check')
    .description('Says what is wrong with a policy: everything at once, with line, column and what to do')
    .argument('<file>', 'the policy, YAML or JSON')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mcp-mtls policy check policy.yaml
  $ mcp-mtls policy check policy.yaml --json

With --trust-domains it warns of rules that can match nothing.`,
    )
  addSettingOptions(command, 'trustDomains')
  command.action(async (file: string, flags: CheckFlags) => {
    const settings = await resolveSettings(command, io)
    const { checkPolicy } = await import('./check.js')
    await checkPolicy(file, flags, settings, io)
  })
}

function addExplain(parent: Command, io: Io): void {
  const command = parent
    .command('explain')
    .description('Says how a policy decides about one call, and why; nothing is called')
    .argument('<file>', 'the policy')
    .option('--cert <file>', 'the caller: a certificate (its chain is not verified)')
    .option(
      '--id <name>',
      'or a name that its certificate has: spiffe://…, dns:…, cn:…; again for more; unverified for none',
      repeatedArgument,
    )
    .requiredOption('--server <name>', 'the name of the server that is called')
    .option('--tool <name>', 'the tool that is called')
    .option('--resource <uri>', 'or the resource that is read')
    .option('--prompt <name>', 'or the prompt that is got')
    .option(
      '--method <name>',
      'or another request; beside a resource or a prompt, subscription or completion',
    )
    .option('--arguments <json>', 'the arguments of the tool')
    .option('--now <time>', 'when, such as 2026-01-31T12:00:00Z (default: now)')
    .option('--address <ip>', 'from where')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Examples:
  $ mcp-mtls policy explain policy.yaml --cert certs/client.crt --server weather-mcp --tool getTemperature
  $ mcp-mtls policy explain policy.yaml --id cn:agent --id ou:sales --server files --resource file:///srv/a.txt
  $ mcp-mtls policy explain policy.yaml --id cn:agent --server weather-mcp --tool getForecast \\
      --arguments '{"days":3}'`,
    )
  addSettingOptions(command, 'trustDomains')
  command.action(async (file: string, flags: ExplainFlags) => {
    const settings = await resolveSettings(command, io)
    const { explainCall } = await import('./explain.js')
    await explainCall(file, flags, settings, io)
  })
}

function addTest(parent: Command, io: Io): void {
  const command = parent
    .command('test')
    .description('Runs a file of cases against a policy: which calls it must allow, and which deny')
    .argument('<file>', 'the policy')
    .argument('<cases>', 'the cases, YAML or JSON')
    .option('--json', 'as JSON')
    .addHelpText(
      'after',
      `
Example:
  $ mcp-mtls policy test policy.yaml cases.yaml

Cases are written like this; a file behind cert: is looked for beside the cases:
  cases:
    - { as: "cn:mcp-client", server: weather-mcp, tool: getTemperature, expect: allow }
    - { as: unverified, server: weather-mcp, tool: getTemperature, expect: deny }`,
    )
  addSettingOptions(command, 'trustDomains')
  command.action(async (file: string, cases: string, flags: TestFlags) => {
    const settings = await resolveSettings(command, io)
    const { testPolicy } = await import('./test.js')
    await testPolicy(file, cases, flags, settings, io)
  })
}
