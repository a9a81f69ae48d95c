/** @import { CertificateStatus, Snapshot } from '../snapshot.js' */
import { day, plural } from './words.js'

/**
 * The headline of the page, and a line below it.
 * @param {Snapshot} snapshot
 */
export function verdict({ servers, certificates }) {
  const bad = servers.filter(({ level }) => level !== 'ok')
  const broken = certificates.filter(({ level }) => level === 'critical')
  const soon = certificates.filter(({ level }) => level === 'warning')
  const troubles = [
    ...bad.map(({ name, state }) => `${name} is ${state}`),
    ...broken.map((certificate) => `${short(certificate.subject)}: ${trouble(certificate)}`),
    ...soon.map(({ subject }) => `${short(subject)} ends soon`),
  ]
  if (troubles.length > 1)
    return {
      headline: `${troubles.length} things need attention`,
      summary: [
        ...troubles.slice(0, 4),
        ...(troubles.length > 4 ? [`and ${troubles.length - 4} more`] : []),
      ].join(' · '),
    }
  const end = certificates.find(({ not_after }) => not_after !== null)?.not_after
  const overview = [
    ...(servers.length > 0
      ? [`${servers.length - bad.length} of ${plural(servers.length, 'server')} up`]
      : []),
    ...(end ? [`${plural(certificates.length, 'certificate')}, the first ends on ${day(end)}`] : []),
  ]
  return { headline: troubles[0] ?? 'All is well', summary: overview.join(' · ') }
}

/**
 * A name as long as it may be in a headline.
 * @param {string} name
 */
function short(name) {
  return name.length > 40 ? `${name.slice(0, 39)}…` : name
}

/**
 * Its worst problem in a word or two.
 * @param {CertificateStatus} certificate
 */
function trouble({ problems: [problem] }) {
  return (problem?.code ?? 'BROKEN')
    .replace(/^(CERT|CRL)_/, '')
    .replaceAll('_', ' ')
    .toLowerCase()
}
