import type { z } from 'zod'

/**
 * Checks that a schema fits hand-written options: `{ … } satisfies ShapeOf<Options>` has exactly their fields, and
 * accepts nothing that their types refuse.
 */
export type ShapeOf<Options> = {
  readonly [Field in keyof Required<Options>]: z.ZodType<unknown, Options[Field]>
}
