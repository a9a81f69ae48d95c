/** What a server may ask a client. */
export type AskedMethod = 'elicitation/create' | 'sampling/createMessage' | 'roots/list'

/** What a server may tell a client, but for what belongs to a call. */
export type ToldMethod =
  | 'notifications/message'
  | 'notifications/tools/list_changed'
  | 'notifications/prompts/list_changed'
  | 'notifications/resources/list_changed'
  | 'notifications/resources/updated'
  | 'notifications/elicitation/complete'

const asked: Readonly<Record<AskedMethod, true>> = {
  'elicitation/create': true,
  'sampling/createMessage': true,
  'roots/list': true,
}
const told: Readonly<Record<ToldMethod, true>> = {
  'notifications/message': true,
  'notifications/tools/list_changed': true,
  'notifications/prompts/list_changed': true,
  'notifications/resources/list_changed': true,
  'notifications/resources/updated': true,
  'notifications/elicitation/complete': true,
}

export const askedMethods = Object.keys(asked)
export const toldMethods = Object.keys(told)
