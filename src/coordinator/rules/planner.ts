import type { Plan, Planner, Toolbox } from '../plan.js'
import { clockTimes } from './clock.js'
import { cuesIn } from './cues.js'
import { draftSegment } from './draft-segment.js'
import { echoRequests } from './echo-request.js'
import { mentionsIn } from './mentions.js'
import { PlanDraft, type UnassignedCall } from './plan-draft.js'
import { type QuestionPart, segmentsOf } from './segments.js'
import { blank, foldText } from './text.js'

export const whatCanBeAsked =
  "Ask for example: What's the weather in Paris and the time in Lima? · Forecast for Oslo this week · " +
  'What time is it in Tokyo when it is 15:00 in Oslo? · echo hello · Who am I?'

/** Plans by rules, without a language model: weather, forecast, time, date, conversion, echo, who am I. */
export const rulesPlanner: Planner = {
  name: 'rules',
  async plan(question, { toolbox, city }) {
    const { calls, problems, notices } = understand(question, city)
    return assign(calls, toolbox, { problems, notices })
  },
}

/** The calls that a question asks for; `city` is used where it names none. */
export function understand(question: string, city?: string): PlanDraft {
  const draft = new PlanDraft()
  const echoes = echoRequests(question)
  for (const echo of echoes)
    draft.addCall({
      home: 'echo',
      tool: 'echo',
      arguments: { text: echo.text },
      purpose: `the echo of "${echo.text}"`,
    })
  // Texts to echo are kept as written; elsewhere any run of whitespace counts as one space.
  const text = blank(question, echoes).normalize('NFC').replace(/\s+/g, ' ')
  const spoken = foldText(text)
  const clocks = clockTimes(spoken)
  const cues = cuesIn(blank(spoken, clocks))
  const { places, ignored } = mentionsIn(text, blank(spoken, [...clocks, ...cues]), city !== undefined)
  const parts: QuestionPart[] = [
    ...clocks.map((clock) => ({ kind: 'clock' as const, at: clock.start, clock })),
    ...cues.map((cue) => ({ kind: 'cue' as const, at: cue.start, cue })),
    ...places.map((place) => ({ kind: 'place' as const, at: place.start, place })),
  ]
  for (const segment of segmentsOf(parts.sort((one, other) => one.at - other.at)))
    draftSegment(segment, city, draft)
  if (draft.calls.length === 0 && draft.problems.length === 0)
    draft.usage('I do not understand this question.', whatCanBeAsked)
  else for (const words of ignored) draft.notice(`I did not understand "${words}".`)
  return draft
}

/** Assigns each call to a server that has its tool: the one with the usual name, else any that declares it. */
async function assign(
  unassigned: readonly UnassignedCall[],
  toolbox: Toolbox,
  rest: Pick<Plan, 'problems' | 'notices'>,
): Promise<Plan> {
  const calls = await Promise.all(
    unassigned.map(async ({ home, ...call }) => ({
      ...call,
      server: await serverOf(home, call.tool, toolbox),
    })),
  )
  return { ...rest, calls }
}

/** A server that cannot list its tools may be the right one: calling it shows why it cannot. */
async function serverOf(home: string, tool: string, toolbox: Toolbox): Promise<string> {
  if (toolbox.servers.includes(home)) return home
  const found = await Promise.all(
    toolbox.servers.map((server) =>
      toolbox.toolsOf(server).then(
        (tools) => ({ server, has: tools.some(({ name }) => name === tool) }),
        () => ({ server, has: undefined }),
      ),
    ),
  )
  const owner = found.find(({ has }) => has) ?? found.find(({ has }) => has === undefined)
  return owner?.server ?? home
}
