import { z } from 'zod'
import { headerProblem } from './header-problem.js'
import { report } from './problems.js'

/** Further headers of every request to a server. */
export const headers = z
  .record(z.string(), z.string({ error: 'text is wanted' }), { error: 'an object of headers is wanted' })
  .superRefine((all, context) => {
    for (const [name, value] of Object.entries(all)) {
      const problem = headerProblem(name, value)
      if (problem !== undefined) report(context, [name], problem)
    }
  })
