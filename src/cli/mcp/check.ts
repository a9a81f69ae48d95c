import type { CallToolResult, JsonSchemaType } from '@modelcontextprotocol/client'
import { outputSchemas } from '../../client/output-schemas.js'
import { printable } from '../../text/printable.js'
import type { Teller } from './teller.js'
import { wrong } from './tool-arguments.js'

/** What our checker says of a schema that it cannot use: nothing is known of the value then. */
const unusable = /^(its schema cannot be used|it cannot be checked|it could not be checked)/

/** Throws `CONFIG_INVALID` where a server would refuse the arguments by its own schema. */
export function checkArguments(args: Record<string, unknown>, schema: unknown, teller: Teller): void {
  const problem = problemOf(args, schema)
  if (problem === undefined) return
  if (!unusable.test(problem)) throw wrong(inWords(problem), schema)
  teller.lines([`warning: the arguments were not checked: ${printable(problem)}`])
}

/** Warns of a result that is not what its tool declares. */
export function checkOutput(
  { structuredContent, isError }: CallToolResult,
  schema: unknown,
  teller: Teller,
): void {
  if (schema === undefined || isError) return
  const problem =
    structuredContent === undefined ? 'there is no structured content' : problemOf(structuredContent, schema)
  if (problem !== undefined)
    teller.lines([`warning: the result is not what the tool declares: ${inWords(problem)}`])
}

function problemOf(value: unknown, schema: unknown): string | undefined {
  const { valid, errorMessage } = outputSchemas.getValidator(schema as JsonSchemaType)(value)
  return valid ? undefined : (errorMessage ?? 'it does not fit')
}

/** `data/address/city must be string` → `address.city must be string`. */
function inWords(problem: string): string {
  return printable(
    problem.replace(/\bdata((?:\/[^\s,]+)*)/g, (_whole, path: string) =>
      path === '' ? 'it' : path.slice(1).replaceAll('/', '.'),
    ),
  )
}
