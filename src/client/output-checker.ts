import { type MessagePort, workerData } from 'node:worker_threads'
import type { JsonSchemaType, JsonSchemaValidator } from '@modelcontextprotocol/client'
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/client/validators/ajv'

// The thread of `output-schemas.ts`. `scripts/build-output-checker.mjs` makes one text of it and of all that it imports:
// in a bundle there is no file for it.

const { port, answers } = workerData as { readonly port: MessagePort; readonly answers: Int32Array }
const validators = new Map<number, JsonSchemaValidator<unknown>>()

interface Question {
  readonly number: number
  readonly input: unknown
  /** When it was not sent before. */
  readonly schema?: JsonSchemaType
}

function problemOf({ number, schema, input }: Question): string | undefined {
  try {
    // Each has a validator of its own: schemas of two servers may bear the same $id.
    if (schema) validators.set(number, new AjvJsonSchemaValidator().getValidator(schema))
    const validator = validators.get(number)
    return validator ? validator(input).errorMessage : 'its schema cannot be used'
  } catch (error) {
    return `its schema cannot be used: ${error}`
  }
}

function answered(): void {
  Atomics.add(answers, 0, 1)
  Atomics.notify(answers, 0)
}

port.on('message', (question: Question) => {
  port.postMessage({ problem: problemOf(question) })
  answered()
})
answered()
