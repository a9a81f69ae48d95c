import { foldText, type Span } from './text.js'

/** A text to echo, and the part of the question that asks for it. */
export interface EchoRequest extends Span {
  readonly text: string
}

const command =
  /(?:^|[.?!;,]|\band\b|\bthen\b|\bplease\b|\byou\b)\s*(?:just |also |please )*\b(echo|say|repeat)\b(?! server)(?: back| after me)?(?:[ ](?:me )?(?:the )?(?:text|words?|phrase|message|sentence|following)\b)?\s*:?\s*/g

/** Where the text to echo ends. */
const otherQuestion =
  /^(?:what|when|how|who|which|is it|will it|convert|the (?:weather|time|temperature|forecast|date)\b|(?:please )?(?:tell|give|show) me)/

const quotes: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  '“': '”',
  '„': '“',
  '«': '»',
  '`': '`',
}

/** Finds `echo hello`, `say "hi there"`, `echo: hello and what time is it in Lima?`, `send "hello" to the echo server`. */
export function echoRequests(question: string): EchoRequest[] {
  const folded = foldText(question)
  const requests: EchoRequest[] = []
  for (const match of folded.matchAll(command)) {
    const from = match.index + match[0].length
    const verbAt = match.index + match[0].search(/echo|say|repeat/)
    if (verbAt < (requests.at(-1)?.end ?? 0)) continue
    const quoted = quotedText(question, from)
    const polite = /\b(?:can|could|would|will) you\b/.test(folded.slice(0, verbAt))
    const request = quoted ?? plainText(question, folded, from, polite)
    if (request === undefined || (match[1] === 'say' && !quoted && otherQuestion.test(folded.slice(from))))
      continue
    requests.push({ ...request, start: verbAt })
  }
  if (requests.length === 0 && /\becho\b/.test(folded)) {
    const quoted = quotedText(question, question.search(/["“„«`]/))
    if (quoted) return [{ text: quoted.text, start: 0, end: question.length }]
  }
  return requests
}

function quotedText(question: string, from: number): EchoRequest | undefined {
  const close = quotes[question.charAt(from)]
  const to = close === undefined ? -1 : question.indexOf(close, from + 1)
  return to > from + 1 ? { text: question.slice(from + 1, to), start: from, end: to + 1 } : undefined
}

function plainText(question: string, folded: string, from: number, polite: boolean): EchoRequest | undefined {
  let end = question.length
  for (const joint of folded.slice(from).matchAll(/[,.;!?]*\s+(?:and|then|and then)\s+|[,.;!?]+\s+/g))
    if (otherQuestion.test(folded.slice(from + joint.index + joint[0].length))) {
      end = from + joint.index
      break
    }
  const written = question.slice(from, end).trim()
  const text = polite ? written.replace(/\s*\?$/, '') : written
  return /^["'“”]*$/.test(text) ? undefined : { text, start: from, end }
}
