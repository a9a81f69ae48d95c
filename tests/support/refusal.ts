import { MtlsError } from '../../src/errors.js'

/** The `MtlsError` that this throws; fails the test when it throws nothing or something else. */
export function refusal(action: () => unknown): MtlsError {
  try {
    action()
  } catch (error) {
    if (error instanceof MtlsError) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** The `MtlsError` that this rejects with, likewise. */
export async function refusalOf(work: Promise<unknown>): Promise<MtlsError> {
  const [result] = await Promise.allSettled([work])
  return refusal(() => {
    if (result?.status === 'rejected') throw result.reason
  })
}
