import { contentsOf, type Element, elementsIn, encodingOf, expected } from './der/der.js'
import { objectIdText } from './der/object-id.js'
import { nameText, readName } from './name.js'

const [objectId, explicit0] = [0x06, 0xa0]

/**
 * A name as text that is the same for equal names (RFC 5280 section 4.2.1.6). Throws `RangeError` if it is none, or of a kind that
 * is not read here: X.400 addresses and EDI party names.
 */
export function generalNameText(name: Element): string {
  const contents = contentsOf(name)
  switch (name.tag) {
    case 0x82:
      return `DNS:${Buffer.from(contents).toString('latin1')}`
    case 0x86:
      return `URI:${Buffer.from(contents).toString('latin1')}`
    case 0xa4:
      return `DirName:${nameText(readName(contents))}`
    case 0xa0: {
      const [id, value, ...more] = [...elementsIn(name)]
      objectIdText(contentsOf(expected(id, objectId)))
      if (more.length > 0 || [...elementsIn(expected(value, explicit0))].length !== 1)
        throw new RangeError('no other name')
      break
    }
    case 0x87:
      if (contents.length !== 4 && contents.length !== 16) throw new RangeError('no address')
      break
    case 0x88:
      objectIdText(contents)
      break
    case 0x81:
      break
    default:
      throw new RangeError('no general name')
  }
  return `DER:${Buffer.from(encodingOf(name)).toString('hex')}`
}
