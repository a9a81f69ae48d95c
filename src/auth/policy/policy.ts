// What the rest of the package uses of policies; what is not named here is of this folder alone.
export { type AskedCall, requestOf, subjectNamed, timeIn } from './asked.js'
export { type CaseResult, type CasesOptions, type CasesResult, type CasesRun, runCases } from './cases.js'
export {
  type Decision,
  type DecisionReason,
  decide,
  type ListedItem,
  mayUse,
  type PolicyRequest,
} from './decide.js'
export { type Considered, type Explanation, explain } from './explain.js'
export { identityKinds } from './identity-entry.js'
export { methodsWithTarget, openMethods } from './methods.js'
export { printPolicy } from './print.js'
export { type PolicyProblem, type PolicyWarning, problemText } from './problem.js'
export { PolicyInvalid, type PolicyReading, type ReadOptions, readPolicy, requirePolicy } from './read.js'
export type { Policy, Rule, RuleLimit } from './rule.js'
export { allowOnly, type IssuedCertificate, starterPolicy } from './starter.js'
export { nobody, type PolicySubject, type SubjectOptions, subjectOf } from './subject.js'
export { conditionVariables } from './variables.js'
