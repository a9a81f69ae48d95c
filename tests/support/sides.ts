import fc from 'fast-check'
import { expect } from 'vitest'

export interface Wanted {
  readonly runs: number
  /** How many of the runs must fall on either side, at least. */
  readonly accepted: number
  readonly refused: number
}

/**
 * A property of something that accepts or refuses. `judge` asserts what must hold, and says whether its input was
 * accepted. One that accepts none of its inputs, or all of them, proves nothing: it fails.
 */
export function holdsOnBothSides<Input>(
  inputs: fc.Arbitrary<Input>,
  judge: (input: Input) => boolean,
  wanted: Wanted,
): void {
  const sides = { accepted: 0, refused: 0 }
  fc.assert(
    fc.property(inputs, (input) => {
      sides[judge(input) ? 'accepted' : 'refused']++
    }),
    { numRuns: wanted.runs },
  )
  expectSides(sides, wanted)
}

function expectSides(sides: Pick<Wanted, 'accepted' | 'refused'>, { runs, accepted, refused }: Wanted): void {
  expect(sides.accepted, `accepted of ${runs}`).toBeGreaterThanOrEqual(accepted)
  expect(sides.refused, `refused of ${runs}`).toBeGreaterThanOrEqual(refused)
}

/** The same for what takes its time. */
export async function holdsOnBothSidesAsync<Input>(
  inputs: fc.Arbitrary<Input>,
  judge: (input: Input) => Promise<boolean>,
  wanted: Wanted,
): Promise<void> {
  const sides = { accepted: 0, refused: 0 }
  const property = fc.asyncProperty(inputs, async (input) => {
    sides[(await judge(input)) ? 'accepted' : 'refused']++
  })
  await fc.assert(property, { numRuns: wanted.runs })
  expectSides(sides, wanted)
}

/** None, one or two of these, one being the most frequent. */
export function atMostTwoOf<Fault>(faults: readonly Fault[]): fc.Arbitrary<readonly Fault[]> {
  const some = (length: number) => fc.shuffledSubarray([...faults], { minLength: length, maxLength: length })
  return fc.oneof(
    { weight: 1, arbitrary: some(0) },
    { weight: 2, arbitrary: some(1) },
    { weight: 1, arbitrary: some(2) },
  )
}
