import type { Settings } from '../../../config/index.js'
import { finishRotation, type KeyType, type Rotation, rotateAuthority } from '../../../pki/index.js'
import type { Io } from '../../io/io.js'
import { day, shownPath, writeJson, writeLines } from '../../io/output.js'
import { type DirectoryFlags, directoriesOf, typedCommand } from '../../options/directories.js'
import { table } from '../../terminal/table.js'

export interface RotateFlags extends DirectoryFlags {
  readonly finish?: boolean
  readonly force?: boolean
  readonly keyType?: KeyType
  readonly keySize?: number
  readonly caDays?: number
  readonly organization?: string
  readonly country?: string
  readonly json?: boolean
}

export async function run(flags: RotateFlags, settings: Settings, io: Io): Promise<void> {
  const directories = directoriesOf(settings, flags, io)
  const { finish, force, caDays: validityDays, keyType, keySize, organization, country } = flags
  const rotation = finish
    ? await finishRotation({ ...directories, force })
    : await rotateAuthority({ ...directories, validityDays, keyType, keySize, organization, country })
  if (flags.json) return writeJson(io, jsonOf(rotation))
  writeLines(io.stdout, [
    ...said(rotation),
    ...rotation.changed.map((path) => `changed: ${shownPath(path, io)}`),
    '',
    ...next(rotation, (name) => typedCommand(name, directories, io)),
  ])
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

/** The next steps for the user. */
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
