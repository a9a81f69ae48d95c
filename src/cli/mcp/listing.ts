import type { Prompt, Resource, ResourceTemplateType, Tool } from '@modelcontextprotocol/client'
import { ofPeer } from '../../text/of-peer.js'
import type { Io } from '../io/io.js'
import { columnsOf, wrapped } from '../terminal/fit.js'
import { type Paint, painter } from '../terminal/paint.js'
import { table } from '../terminal/table.js'
import { safeLines, sizeText } from './foreign-text.js'
import { fieldsOf, isSchema, kindText } from './schema.js'
import type { Session } from './session.js'

// Lists of what a server has, for people. All of it is foreign text.

interface Look {
  readonly paint: Paint
  readonly columns: number
}

type List = Readonly<Record<string, unknown>>

export function toolListLines({ tools }: List, io: Io): string[] {
  return sections(tools as Tool[], io, (tool, look) => [
    heading(tool.name, [tool.title ?? tool.annotations?.title, ...traits(tool)], look),
    ...described(tool.description, look),
    ...argumentLines(
      fieldsOf(tool.inputSchema).map(({ name, schema, isRequired }) => ({
        name,
        kind: kindText(schema, tool.inputSchema),
        isRequired,
        description: isSchema(schema) ? schema.description : undefined,
      })),
      look,
    ),
  ])
}

export function promptListLines({ prompts }: List, io: Io): string[] {
  return sections(prompts as Prompt[], io, (prompt, look) => [
    heading(prompt.name, [prompt.title], look),
    ...described(prompt.description, look),
    ...argumentLines(
      (prompt.arguments ?? []).map(({ name, required, description }) => ({
        name,
        kind: 'text',
        isRequired: required === true,
        description,
      })),
      look,
    ),
  ])
}

export function resourceListLines({ resources, resourceTemplates }: List, io: Io): string[] {
  const own = (resources as Resource[]).map((one) => ({ ...one, uri: one.uri }))
  const templates = (resourceTemplates as ResourceTemplateType[]).map((one) => ({
    ...one,
    uri: one.uriTemplate,
  }))
  return sections([...own, ...templates], io, (one, look) => [
    heading(
      one.uri,
      [
        one.title ?? one.name,
        one.mimeType,
        'size' in one && typeof one.size === 'number' ? sizeText(one.size) : undefined,
        'uriTemplate' in one ? 'template' : undefined,
      ],
      look,
    ),
    ...described(one.description, look),
  ])
}

/** Says that a list is empty, since nothing else would. */
export function tellEmpty(lines: readonly string[], what: string, { target, teller }: Session): void {
  if (lines.length === 0)
    teller.lines([`note: ${ofPeer(target.name)} has no ${what}, or shows none to this certificate`])
}

function sections<T>(items: readonly T[], io: Io, linesOf: (item: T, look: Look) => string[]): string[] {
  const look = { paint: painter(io), columns: columnsOf(io) }
  return items.flatMap((item, index) => [...(index === 0 ? [] : ['']), ...linesOf(item, look)])
}

function heading(name: string, about: readonly (string | undefined)[], { paint }: Look): string {
  const more = about.filter((text) => text !== undefined && text !== '' && text !== name)
  const shown = more.map((text) => ofPeer(String(text), 100)).join(', ')
  return `${paint('bold', ofPeer(name, 1000))}${shown === '' ? '' : `  ${paint('dim', shown)}`}`
}

function traits({ annotations = {} }: Tool): string[] {
  const { readOnlyHint, destructiveHint, idempotentHint } = annotations
  return [
    ...(readOnlyHint === true ? ['read-only'] : []),
    ...(destructiveHint === true && readOnlyHint !== true ? ['destructive'] : []),
    ...(idempotentHint === true ? ['idempotent'] : []),
  ]
}

function described(text: unknown, look: Look): string[] {
  if (typeof text !== 'string' || text.trim() === '') return []
  return safeLines(text.trim().slice(0, 10_000)).flatMap((line) => indented(line, 2, look))
}

interface Argument {
  readonly name: string
  readonly kind: string
  readonly isRequired: boolean
  readonly description: unknown
}

function argumentLines(all: readonly Argument[], look: Look): string[] {
  const rows = table(
    all.map(({ name, kind, isRequired }) => [ofPeer(name, 60), kind, isRequired ? 'required' : '']),
  )
  return all.flatMap(({ description }, index) => [
    `    ${rows[index]}`,
    ...(typeof description === 'string' && description !== ''
      ? safeLines(description.slice(0, 2000)).flatMap((line) => indented(line, 8, look))
      : []),
  ])
}

/** A line as many as fit the terminal. */
function indented(line: string, by: number, { columns }: Look): string[] {
  const space = ' '.repeat(by)
  const lines = Number.isFinite(columns) ? wrapped(line.split(' '), Math.max(20, columns - by)) : [line]
  return lines.map((one) => (one === '' ? '' : space + one))
}
