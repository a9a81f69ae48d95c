import type { Reporter, TestModule } from 'vitest/node'

/** What the title of tests ends with whose tool is not on this machine. */
export const withoutTool = (tool: string) => `(did not run: there is no ${tool})`
const lacking = /\(did not run: (there is no .+?)\)/

/** Ends a run with the tools that this machine lacks, and how many tests did not run for want of each. */
export default class DidNotRun implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = new Map<string, number>()
    for (const module of modules)
      for (const { fullName } of module.children.allTests('skipped')) {
        const reason = lacking.exec(fullName)?.[1] ?? `skipped without a reason: ${fullName}`
        counts.set(reason, (counts.get(reason) ?? 0) + 1)
      }
    for (const [reason, count] of counts) console.log(`did not run: ${reason} (${count} tests)`)
  }
}
