import { AsnConvert } from '@peculiar/asn1-schema'
import {
  AttributeTypeAndValue,
  AttributeValue,
  GeneralName,
  Name as LibraryName,
  RelativeDistinguishedName,
} from '@peculiar/asn1-x509'
import { expect, test } from 'vitest'
import { elementAt } from '../../src/x509/der/der.js'
import { generalNameText } from '../../src/x509/general-name.js'
import { type Name, nameText, rdnsOf, readName, valuesOf } from '../../src/x509/name.js'

const [cn, organization, email] = ['2.5.4.3', '2.5.4.10', '1.2.840.113549.1.9.1']

/** A name of relative names, each with its attributes. */
function name(...rdns: Rdns): Name {
  return readName(bytes(made(...rdns)))
}

type Rdns = readonly (readonly (readonly [type: string, value: string])[])[]
const bytes = (value: object) => new Uint8Array(AsnConvert.serialize(value))

function made(...rdns: Rdns): LibraryName {
  const attribute = ([type, utf8String]: readonly [string, string]) =>
    new AttributeTypeAndValue({ type, value: new AttributeValue({ utf8String }) })
  return new LibraryName(rdns.map((rdn) => new RelativeDistinguishedName(rdn.map(attribute))))
}

test.each([
  ['plain', 'CN=plain'],
  ['a,b+c"d\\e<f>g;h', 'CN=a\\,b\\+c\\"d\\\\e\\<f\\>g\\;h'],
  [' first', 'CN=\\ first'],
  ['#first', 'CN=\\#first'],
  ['last ', 'CN=last\\ '],
  ['last\\ ', 'CN=last\\\\\\ '],
  [' ', 'CN=\\ '],
  ['in the # middle', 'CN=in the # middle'],
  ['a\u001b[2J\u202e', 'CN=a\\1b[2J\\e2\\80\\ae'],
])('the common name %j is written %s', (value, text) => {
  expect(nameText(name([[cn, value]]))).toBe(text)
})

test('the last comes first, attributes of one level are joined, and a type nobody knows keeps its number', () => {
  expect(
    nameText(
      name(
        [[organization, 'O']],
        [
          [cn, 'a'],
          ['1.2.3', 'b'],
        ],
      ),
    ),
  ).toBe('CN=a+1.2.3=b,O=O')
})

test('names are equal whatever their case, spaces, and the order within a level', () => {
  const one = name(
    [[organization, '  The   Name ']],
    [
      [cn, 'ä'],
      [email, 'A@x'],
    ],
  )
  const same = name(
    [[organization, 'the name']],
    [
      [email, 'a@X'],
      [cn, 'A\u0308'],
    ],
  )
  expect(rdnsOf(one)).toEqual(rdnsOf(same))
  expect(rdnsOf(one)).not.toEqual(
    rdnsOf(
      name(
        [[organization, 'thename']],
        [
          [cn, 'ä'],
          [email, 'A@x'],
        ],
      ),
    ),
  )
  expect(rdnsOf(one)).not.toEqual(
    rdnsOf(
      name(
        [
          [cn, 'ä'],
          [email, 'A@x'],
        ],
        [[organization, 'the name']],
      ),
    ),
  )
  // What one attribute says is no second attribute, and a text is no encoding of something else.
  expect(rdnsOf(name([[organization, 'a+2.5.4.11=b']]))).not.toEqual(
    rdnsOf(
      name([
        [organization, 'a'],
        ['2.5.4.11', 'b'],
      ]),
    ),
  )
  const octets = made([[organization, 'x']])
  const [only] = octets[0] ?? []
  if (only) only.value = new AttributeValue({ anyValue: Uint8Array.of(0x04, 0x02, 0x61, 0x62).buffer })
  expect(rdnsOf(readName(bytes(octets)))).not.toEqual(rdnsOf(name([[organization, '04026162']])))
  expect(valuesOf(readName(bytes(octets)), organization)).toEqual([])
  // The case of this letter has three forms; lower case is the one that is compared.
  expect(rdnsOf(name([[cn, 'ẞ']]))).not.toEqual(rdnsOf(name([[cn, 'ss']])))
  expect(rdnsOf(name([[cn, 'ß']]))).toEqual(rdnsOf(name([[cn, 'ẞ']])))
})

test('all values of an attribute are found, in their order', () => {
  expect(
    valuesOf(
      name(
        [
          [email, 'a'],
          [cn, 'x'],
        ],
        [[email, 'b']],
      ),
      email,
    ),
  ).toEqual(['a', 'b'])
})

test.each([
  [new GeneralName({ uniformResourceIdentifier: 'http://x/crl' }), 'URI:http://x/crl'],
  [new GeneralName({ dNSName: 'x' }), 'DNS:x'],
  [new GeneralName({ directoryName: made([[cn, 'x']]) }), 'DirName:CN=x'],
  [new GeneralName({ iPAddress: '127.0.0.1' }), 'DER:87047f000001'],
])('a general name as text', (general, text) => {
  expect(generalNameText(elementAt(bytes(general), 0))).toBe(text)
})
