import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads'
import type {
  JsonSchemaType,
  JsonSchemaValidator,
  JsonSchemaValidatorResult,
  jsonSchemaValidator,
} from '@modelcontextprotocol/client'
import { program } from '#output-checker'
import { shortened } from '../text/shortened.js'

/** For one answer and its schema; milliseconds. The process stands still for so long at most. */
const budget = 1000
/** For a worker to begin, on a busy machine; milliseconds. */
const startLimit = 30_000
const memoryMb = 256
/** A worker that has so many schemas is replaced: it forgets none by itself. */
const mostSchemas = 500
const longestMessage = 1000

/**
 * Checks answers against the schemas that servers declare for them. Such a schema is a program of the server's: a pattern or
 * a reference in it may use all the time and memory there is. So it runs in a thread of its own, within one second and
 * 256 MB. An answer that could not be checked counts as wrong.
 */
export const outputSchemas: jsonSchemaValidator = {
  // Nothing is compiled before it is needed: a list may hold any number of schemas.
  getValidator<T>(schema: JsonSchemaType): JsonSchemaValidator<T> {
    let tooCostly = false
    return (input) => {
      const problem = tooCostly ? costly : problemOf(schema, input)
      tooCostly = problem === costly
      return (
        problem === undefined
          ? { valid: true, data: input, errorMessage: undefined }
          : { valid: false, data: undefined, errorMessage: problem }
      ) as JsonSchemaValidatorResult<T>
    }
  },
}

const costly = `it could not be checked within ${budget} ms and ${memoryMb} MB, so it counts as wrong`

let worker: SchemaWorker | undefined

function problemOf(schema: JsonSchemaType, input: unknown): string | undefined {
  if (worker?.isFull) worker.end()
  worker = worker?.isEnded === false ? worker : new SchemaWorker()
  const problem = worker.check(schema, input)
  return problem && shortened(problem, longestMessage)
}

/** A thread that is waited for: the SDK wants its answer at once. */
class SchemaWorker {
  readonly #thread: Worker
  readonly #port: MessagePort
  /** How many answers there were, the first when it had begun. */
  readonly #answers = new Int32Array(new SharedArrayBuffer(4))
  readonly #numbers = new WeakMap<JsonSchemaType, number>()
  #schemas = 0
  isEnded = false

  constructor() {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.#thread = new Worker(program, {
      eval: true,
      workerData: { port: port2, answers: this.#answers },
      transferList: [port2],
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb: memoryMb / 8 },
    })
    this.#thread.unref()
    this.#thread.on('error', () => this.end()) // out of memory; its check has failed by then
    this.#wait(0, startLimit)
  }

  get isFull(): boolean {
    return this.#schemas >= mostSchemas
  }

  /** Why the input does not match; undefined when it does. */
  check(schema: JsonSchemaType, input: unknown): string | undefined {
    const known = this.#numbers.get(schema)
    const number = known ?? this.#schemas++
    this.#numbers.set(schema, number)
    const before = Atomics.load(this.#answers, 0)
    try {
      this.#port.postMessage({ number, input, ...(known === undefined && { schema }) })
    } catch (error) {
      this.end() // it may not know the schema
      return `it cannot be checked: ${String(error)}`
    }
    if (this.#wait(before, budget)) return receiveMessageOnPort(this.#port)?.message.problem
    this.end()
    return costly
  }

  end(): void {
    this.isEnded = true
    this.#port.close()
    void this.#thread.terminate()
  }

  /** Whether there are more answers than so many. */
  #wait(before: number, milliseconds: number): boolean {
    return Atomics.wait(this.#answers, 0, before, milliseconds) !== 'timed-out'
  }
}
