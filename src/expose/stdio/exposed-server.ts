import { callerFacts } from '../../server/caller-facts.js'
import { callerIn } from '../../server/identity-of.js'
import type { AnyServerFactory } from '../../server/mcp/any-server.js'
import { ExchangeLead, SessionLead } from '../../server/mcp/leads.js'
import type { Instances } from './instances.js'

/** Makes servers that are no servers, but lead to a child: one for each session, or for each request of 2026-07-28. */
export function exposedServers(instances: Instances): AnyServerFactory {
  return async ({ era, authInfo }) => {
    const known = callerIn(authInfo)
    const caller = known && callerFacts(known)
    if (era === 'modern') {
      const exchanges = await instances.exchanges(caller)
      if (exchanges)
        return new ExchangeLead((transport) => instances.joinExchange(exchanges, transport, caller))
    }
    return new SessionLead((transport) => instances.joinSession(transport, caller))
  }
}
