import type { CallTarget } from '../call.js'

/** Requests that every verified peer may make; in demo mode every peer. Lists are cut to what the caller may use. */
export const openMethods: readonly string[] = Object.freeze([
  'initialize',
  'server/discover',
  'ping',
  'logging/setLevel',
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
])

/** Requests that are judged by what they name, with the kinds of targets that name it. */
export const methodsWithTarget: Readonly<Record<string, readonly CallTarget['kind'][]>> = Object.freeze({
  'tools/call': ['tool'],
  'prompts/get': ['prompt'],
  'resources/read': ['resource'],
  'resources/subscribe': ['resource'],
  'resources/unsubscribe': ['resource'],
  'completion/complete': ['prompt', 'resource'],
  'subscriptions/listen': ['subscription'],
})
