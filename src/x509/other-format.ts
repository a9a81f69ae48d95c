import { contentsOf, elementAt } from './der/der.js'

/** A file with the right content in a format that is not read here. */
export interface OtherFormat {
  /** Completes "PATH: it is …". */
  readonly what: string
  /** The command that converts it. */
  readonly hint: string
}

function converted(what: string, command: string): OtherFormat {
  return { what, hint: `Convert it: \`${command}\`.` }
}

const legacy = converted(
  'encrypted with a cipher that OpenSSL no longer has',
  'openssl pkey -provider legacy -provider default -in FILE -aes-256-cbc -out NEW',
)

/** Why an encrypted key could not be opened, by Node's error; undefined when the passphrase is wrong. */
export function legacyCipher(error: unknown): OtherFormat | undefined {
  return (error as NodeJS.ErrnoException).code === 'ERR_OSSL_EVP_UNSUPPORTED' ? legacy : undefined
}

/** What people put where PEM is expected, the most specific signs first. */
const texts: readonly (readonly [sign: RegExp, format: OtherFormat])[] = [
  [
    /-----BEGIN OPENSSH PRIVATE KEY-----/,
    converted('a key in the format of OpenSSH', 'cp FILE NEW && ssh-keygen -p -m PKCS8 -f NEW'),
  ],
  [
    /-----BEGIN (NEW )?CERTIFICATE REQUEST-----/,
    {
      what: 'a certificate request (CSR), which no CA has signed yet',
      hint: 'Put the certificate there that the CA made from it.',
    },
  ],
  [
    /-----BEGIN PKCS ?#?7-----/,
    converted('a PKCS #7 bundle', 'openssl pkcs7 -print_certs -in FILE -out NEW'),
  ],
  [
    /-----BEGIN [A-Z\d ]+-----[^\n]*\\n/,
    converted('PEM with \\n written out instead of line ends', 'printf %b "$(cat FILE)" > NEW'),
  ],
  [/^\s*["'][^\n]*-----BEGIN /, converted('PEM in quotes', `tr -d "\\"'" < FILE > NEW`)],
  [
    /^[ \t]+-----(BEGIN|END) /m,
    converted('PEM with spaces before its lines', "sed 's/^[[:space:]]*//' FILE > NEW"),
  ],
  [
    /-----BEGIN [A-Z\d ]+-----\r(?!\n)/,
    converted('PEM with the line ends of old Macs', "tr '\\r' '\\n' < FILE > NEW"),
  ],
  [
    /-----BEGIN [A-Z\d ]+-----[ \t]*[A-Za-z\d+/]/,
    converted(
      'PEM on one line',
      `awk '{ gsub(/-----BEGIN [A-Z0-9 ]+-----/, "&\\n"); gsub(/-----END/, "\\n&"); print }' FILE > NEW`,
    ),
  ],
]

/** The format of a file that is not valid PEM, one byte per character; undefined when unknown. */
export function otherFormat(text: string): OtherFormat | undefined {
  const head = text.slice(0, 10_000)
  // Two bytes per character: after a byte order mark, or without one.
  if (head.slice(0, 40).includes('\0-'))
    return converted('text in UTF-16', 'iconv -f UTF-16 -t UTF-8 FILE > NEW')
  return texts.find(([sign]) => sign.test(head))?.[1] ?? derFormat(Buffer.from(head, 'latin1'))
}

const [integer, oid, sequence] = [0x02, 0x06, 0x30]

/** By the first element inside: a version, the name of a format, or the signed part of a certificate. */
function derFormat(bytes: Uint8Array): OtherFormat | undefined {
  if (bytes[0] !== sequence || (bytes[1] ?? 0) < 0x30) return undefined
  try {
    const first = elementAt(bytes, elementAt(bytes, 0, Number.MAX_SAFE_INTEGER).contents)
    if (first.tag === oid)
      return converted('a PKCS #7 bundle in DER', 'openssl pkcs7 -inform DER -print_certs -in FILE -out NEW')
    if (first.tag === integer && contentsOf(first)[0] === 3)
      return converted('a PKCS #12 store', 'openssl pkcs12 -in FILE -nodes -out NEW')
    if (first.tag === integer)
      return converted('a private key in DER', 'openssl pkey -inform DER -in FILE -out NEW')
    return converted('a certificate in DER', 'openssl x509 -inform DER -in FILE -out NEW')
  } catch {
    return undefined
  }
}
