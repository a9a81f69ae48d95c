import { Command } from 'commander'
import { finishRotation, type KeyType, type Rotation, rotateAuthority } from '../../../pki/index.js'
import type { Io } from '../../io/io.js'
import { day, shownPath, table, writeJson, writeLines } from '../../io/output.js'
import {
  addDirectoryOptions,
  directoriesOf,
  directoryFlags,
  numberArgument,
} from '../../options/certificate-options.js'
import { warnOfClock } from '../../terminal/clock-warning.js'

interface Flags {
  readonly finish?: boolean
  readonly force?: boolean
  readonly keyType?: KeyType
  readonly keySize?: number
  readonly caDays?: number
  readonly organization?: string
  readonly country?: string
  readonly json?: boolean
}

const help = `
Examples:
  $ mcp-mtls cert-rotate-ca                # 1. a new CA: ca.crt holds both, the new one issues
                                           # 2. copy ca.crt (and ca.crl) to every machine
  $ mcp-mtls cert-renew                    # 3. in each directory: certificates of the new CA
  $ mcp-mtls cert-rotate-ca --finish       # 4. ca.crt holds the new CA only; copy it once more
                                           #    the old CA's key is removed: copy ca.key before, to keep it

Run again before --finish it makes no third CA: it brings ca.crt and ca.crl of --cert-dir up to date. --finish
asks that everything the old CA issued, and that has not expired or been revoked, is issued anew.

Exit codes: 0 done, 1 failed, 64 bad usage`

export function build(io: Io): Command {
  const command = new Command('cert-rotate-ca')
    .description('Changes to a new CA, with an overlap in which both are trusted')
    .option('--finish', 'end the overlap: drop the old CA')
    .option('--force', 'with --finish: whatever still comes from the old CA')
    .option('--key-type <type>', 'of the new CA: ec-p256, ec-p384, ed25519 or rsa (default: as before)')
    .option('--key-size <bits>', 'of rsa: 2048, 3072 or 4096', numberArgument)
    .option('--ca-days <number>', 'how long the new CA is valid (default: 3650)', numberArgument)
    .option('--organization <name>', 'organization of the new CA (default: as before)')
    .option('--country <code>', 'country of the new CA, two letters (default: as before)')
    .option('--json', 'what is trusted now as JSON')
    .addHelpText('after', help)
  addDirectoryOptions(command)
  return command.action(async (flags: Flags) => {
    if (flags.force && !flags.finish) command.error('--force goes with --finish only')
    warnOfClock(io)
    const directories = directoriesOf(command, io)
    const { finish, force, caDays: validityDays, keyType, keySize, organization, country } = flags
    const rotation = finish
      ? await finishRotation({ ...directories, force })
      : await rotateAuthority({ ...directories, validityDays, keyType, keySize, organization, country })
    if (flags.json) return writeJson(io, jsonOf(rotation))
    const typed = (name: string) => `npx mcp-mtls ${name}${directoryFlags(directories, io)}`
    writeLines(io.stdout, [
      ...said(rotation),
      ...rotation.changed.map((path) => `changed: ${shownPath(path, io)}`),
      '',
    ])
    writeLines(io.stdout, next(rotation, typed))
  })
}

function said({ stage, current, previous, outstanding }: Rotation): string[] {
  const cas = table([
    ['new CA', current.subject, `until ${day(current.notAfter)}`],
    ...(previous ? [['old CA', previous.subject, `until ${day(previous.notAfter)}`]] : []),
  ])
  const left = outstanding.map(({ subject, serial }) => `  ${subject} (${serial})`)
  switch (stage) {
    case 'begun':
      return ['A new CA was made. Both are trusted, the new one issues.', ...cas]
    case 'under way':
      return [
        'A change of CA is under way: both are trusted, the new one issues.',
        ...cas,
        ...(left.length > 0
          ? ['still from the old CA:', ...left]
          : ['nothing comes from the old CA any more']),
      ]
    case 'finished':
      return ['The old CA is trusted no more, and its key is removed.', ...cas]
  }
}

/** What a person does next. */
function next({ stage, outstanding }: Rotation, command: (name: string) => string): string[] {
  if (stage === 'finished') return ['next: copy ca.crt (and ca.crl) to every machine once more']
  if (stage === 'under way' && outstanding.length === 0)
    return [
      'The next step removes the key of the old CA: copy ca.key first if you want to keep it.',
      `next: ${command('cert-rotate-ca')} --finish`,
    ]
  return [
    'next: copy ca.crt (and ca.crl) to every machine; when all have taken it up:',
    `next: ${command('cert-renew')}`,
  ]
}

function jsonOf({ stage, current, previous, outstanding, changed }: Rotation) {
  const ca = ({ subject, serial, notAfter }: Rotation['current']) => ({
    subject,
    serial,
    not_after: notAfter.toISOString(),
  })
  return {
    stage,
    current: ca(current),
    previous: previous ? ca(previous) : null,
    outstanding: outstanding.map(ca),
    changed,
  }
}
