import type { z } from 'zod'

/**
 * The shape of a schema for options that are written by hand: `{ … } satisfies ShapeOf<Options>` has every field of them
 * and no other, and takes nothing that their types refuse.
 */
export type ShapeOf<Options> = {
  readonly [Field in keyof Required<Options>]: z.ZodType<unknown, Options[Field]>
}
