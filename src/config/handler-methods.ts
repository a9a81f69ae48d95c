/** What a server may ask a client. */
export const askedMethods = ['elicitation/create', 'sampling/createMessage', 'roots/list'] as const

/** What a server may tell a client, but for what belongs to a call. */
export const toldMethods = [
  'notifications/message',
  'notifications/tools/list_changed',
  'notifications/prompts/list_changed',
  'notifications/resources/list_changed',
  'notifications/resources/updated',
  'notifications/elicitation/complete',
] as const

export type AskedMethod = (typeof askedMethods)[number]
export type ToldMethod = (typeof toldMethods)[number]
