import type {
  CallToolResult,
  ContentBlock,
  GetPromptResult,
  ReadResourceResult,
} from '@modelcontextprotocol/client'
import { ofPeer } from '../../text/of-peer.js'
import { safeJson, safeLines, sizeOfBase64, sizeText } from './foreign-text.js'

/** A result of a tool, for people. Structured content that a text repeats is shown once. */
export function toolLines({ content = [], structuredContent }: CallToolResult): string[] {
  const isRepeated = (block: ContentBlock) =>
    block.type === 'text' && saysTheSame(block.text, structuredContent)
  const shown = structuredContent === undefined ? content : content.filter((block) => !isRepeated(block))
  const blocks = shown.map(blockLines)
  if (structuredContent !== undefined) blocks.push(safeJson(structuredContent).split('\n'))
  return spaced(blocks, shown.every(({ type }) => type === 'text') && structuredContent === undefined)
}

/** The messages of a prompt, for people. */
export function promptLines({ messages = [] }: GetPromptResult): string[] {
  return spaced(
    messages.map(({ role, content }) => [`${ofPeer(role, 20)}:`, ...blockLines(content).map(indented)]),
  )
}

export type ResourceContents = ReadResourceResult['contents'][number]

/** What a resource holds, for people: bytes only by their type and size. */
export function resourceLines(contents: readonly ResourceContents[]): string[] {
  if (contents.length === 1) return contents.flatMap(contentsLines)
  return spaced(contents.map((one) => [`${ofPeer(one.uri)}:`, ...contentsLines(one).map(indented)]))
}

/** The bytes of a resource. */
export function bytesOf(contents: ResourceContents): Buffer {
  return 'text' in contents ? Buffer.from(contents.text) : Buffer.from(contents.blob, 'base64')
}

/** `image/png, 12.3 kB`. */
export function mediaText(mimeType: string | undefined, bytes: number): string {
  return `${ofPeer(mimeType ?? 'unknown type', 100)}, ${sizeText(bytes)}`
}

function contentsLines(contents: ResourceContents): string[] {
  if ('text' in contents) return safeLines(contents.text.replace(/\r?\n$/, ''))
  return [`[${mediaText(contents.mimeType, sizeOfBase64(contents.blob))}]`]
}

function blockLines(block: ContentBlock): string[] {
  switch (block.type) {
    case 'text':
      return safeLines(block.text)
    case 'image':
    case 'audio':
      return [`[${block.type}: ${mediaText(block.mimeType, sizeOfBase64(block.data))}]`]
    case 'resource':
      return [`[resource ${ofPeer(block.resource.uri)}]`, ...contentsLines(block.resource)]
    case 'resource_link': {
      const about = [block.title ?? block.name, block.mimeType, block.description].filter(Boolean)
      return [`[link ${ofPeer(block.uri)}] ${about.map((text) => ofPeer(String(text))).join(', ')}`]
    }
    default:
      return safeJson(block).split('\n')
  }
}

/** With an empty line between parts, unless they are all one text. */
function spaced(parts: readonly string[][], isDense = false): string[] {
  return parts.flatMap((lines, index) => (index === 0 || isDense ? lines : ['', ...lines]))
}

function indented(line: string): string {
  return line === '' ? '' : `  ${line}`
}

function saysTheSame(text: string, value: unknown): boolean {
  try {
    return JSON.stringify(JSON.parse(text)) === JSON.stringify(value)
  } catch {
    return false
  }
}
