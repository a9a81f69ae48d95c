/** What is said on a stream beside the server behind, which knows nothing of it. */
export class Aside {
  readonly #waiting: object[] = []
  #wake = () => {}

  say(message: object): void {
    this.#waiting.push(message)
    this.#wake()
  }

  /** The chunks of a body, each when it is asked for, and between them what is said meanwhile. */
  async *between(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer | { readonly said: object }> {
    const chunks = body[Symbol.asyncIterator]()
    let came: (() => IteratorResult<Buffer>) | undefined
    const ask = () => {
      const take = (outcome: typeof came) => {
        came = outcome
        this.#wake()
      }
      chunks.next().then(
        (next) => take(() => next),
        (error) =>
          take(() => {
            throw error
          }),
      )
    }
    ask()
    try {
      for (;;) {
        for (const said of this.#waiting.splice(0)) yield { said }
        if (came) {
          const { done, value } = came()
          if (done) return
          came = undefined
          yield value
          ask()
        } else if (this.#waiting.length === 0)
          await new Promise<void>((resolve) => {
            this.#wake = resolve
          })
      }
    } finally {
      await chunks.return?.()
    }
  }
}
