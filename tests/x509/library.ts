import { RsaSaPssParams } from '@peculiar/asn1-rsa'
import { AsnConvert } from '@peculiar/asn1-schema'
import {
  AlgorithmIdentifier,
  AuthorityKeyIdentifier,
  BasicConstraints,
  CRLDistributionPoints,
  type GeneralName,
  IssuingDistributionPoint,
  KeyUsage,
  Name,
  SubjectKeyIdentifier,
} from '@peculiar/asn1-x509'
import type { CertificateFacts } from '../../src/x509/certificate.js'
import type { CrlFacts } from '../../src/x509/crl.js'
import { elementAt, elementsIn, encodingOf, expected } from '../../src/x509/der/der.js'
import { type Extension, extensionsIn } from '../../src/x509/der/extension.js'
import { nameText, rdnsOf } from '../../src/x509/name.js'

// What @peculiar/asn1-x509 reads where we have readers of our own. Both throw for what they do not read.

type Read<Facts> = Partial<Record<keyof Facts, unknown>>

const pss = '1.2.840.113549.1.1.10'

/** The parts of a certificate that it reads: names, the kind of signature, and the extensions of which there are schemas. */
export function certificateByLibrary(der: Uint8Array): Read<CertificateFacts> {
  const [body, algorithm] = [...elementsIn(elementAt(der, 0))]
  const parts = [...elementsIn(expected(body))]
  if (parts[0]?.tag === 0xa0) parts.shift()
  const [, , issuer, , subject] = parts
  const extensions = wrapped(parts.at(-1), 0xa3)
  const find = <Value>(id: string, type: new () => Value) => found(extensions, id, type)
  const constraints = find('2.5.29.19', BasicConstraints)
  const usage = find('2.5.29.15', KeyUsage)
  const points = find('2.5.29.31', CRLDistributionPoints)
  const [subjectName, issuerName] = [
    nameOf(parse(expected(subject), Name)),
    nameOf(parse(expected(issuer), Name)),
  ]
  const signature = parse(expected(algorithm), AlgorithmIdentifier)
  if (signature.algorithm === pss && signature.parameters)
    AsnConvert.parse(signature.parameters, RsaSaPssParams)
  return {
    subject: nameText(subjectName),
    issuer: nameText(issuerName),
    subjectRdns: rdnsOf(subjectName),
    issuerRdns: rdnsOf(issuerName),
    isCa: constraints?.cA ?? false,
    // From four bytes on it gives a text.
    pathLength:
      constraints?.pathLenConstraint === undefined ? undefined : Number(constraints.pathLenConstraint),
    // More bits than a number holds are lost in it.
    ...((usage?.value.byteLength ?? 0) > 6
      ? {}
      : { keyUsage: usage?.toJSON().map((name) => (name === 'crlSign' ? 'cRLSign' : name)) }),
    subjectKeyId: hex(find('2.5.29.14', SubjectKeyIdentifier)?.buffer),
    authorityKeyId: hex(find('2.5.29.35', AuthorityKeyIdentifier)?.keyIdentifier?.buffer),
    crlPoints: [...(points ?? [])].flatMap(
      ({ distributionPoint }) => distributionPoint?.fullName?.map(textOf) ?? [],
    ),
  }
}

/** The same of a revocation list. */
export function crlByLibrary(der: Uint8Array): Read<CrlFacts> {
  const [body, algorithm] = [...elementsIn(elementAt(der, 0))]
  const parts = [...elementsIn(expected(body))]
  if (parts[0]?.tag === 0x02) parts.shift()
  parse(expected(algorithm), AlgorithmIdentifier)
  const point = found(wrapped(parts.at(-1), 0xa0), '2.5.29.28', IssuingDistributionPoint)
  if (point?.onlySomeReasons || point?.indirectCRL || point?.onlyContainsAttributeCerts)
    throw new RangeError('not a plain list')
  if (point?.distributionPoint && !point.distributionPoint.fullName) throw new RangeError('no full name')
  if (point?.onlyContainsCACerts && point.onlyContainsUserCerts) throw new RangeError('about nothing')
  return {
    issuer: nameText(nameOf(parse(expected(parts[1]), Name))),
    scope: {
      only: point?.onlyContainsCACerts ? 'ca' : point?.onlyContainsUserCerts ? 'user' : undefined,
      points: point?.distributionPoint?.fullName?.map(textOf),
    },
  }
}

function wrapped(element: Parameters<typeof expected>[0], tag: number): readonly Extension[] {
  return element?.tag === tag ? extensionsIn([...elementsIn(element)][0]) : []
}

function found<Value>(all: readonly Extension[], id: string, type: new () => Value): Value | undefined {
  const extension = all.find((one) => one.id === id)
  return extension && AsnConvert.parse(extension.value, type)
}

function parse<Value>(element: Parameters<typeof encodingOf>[0], type: new () => Value): Value {
  return AsnConvert.parse(encodingOf(element), type)
}

function nameOf(name: Name) {
  return [...name].map((rdn) =>
    [...rdn].map(({ type, value }) => ({
      type,
      text: value.toString(),
      isText: value.anyValue === undefined,
    })),
  )
}

function textOf(name: GeneralName): string {
  const { uniformResourceIdentifier: uri, dNSName, directoryName } = name
  if (uri !== undefined) return `URI:${uri}`
  if (dNSName !== undefined) return `DNS:${dNSName}`
  return directoryName
    ? `DirName:${nameText(nameOf(directoryName))}`
    : `DER:${hex(AsnConvert.serialize(name))}`
}

function hex(buffer: ArrayBuffer | undefined): string | undefined {
  return buffer && Buffer.from(buffer).toString('hex')
}
