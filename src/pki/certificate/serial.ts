import { serialText } from '../../x509/certificate.js'

/** A serial number in hex as people and other programs write it (`0xABCD`, `AB:CD`), in our form; undefined when it is none. */
export function readSerial(text: string): string | undefined {
  const isSerial = /^(?:0x)?(?:[0-9a-f]+|[0-9a-f]{1,2}(?::[0-9a-f]{2})+)$/i.test(text)
  return isSerial ? serialText(text.replace(/^0x/i, '')) : undefined
}
