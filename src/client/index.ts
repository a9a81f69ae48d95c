export type { Identity } from '../auth/identity.js'
export type {
  AskedMethod,
  McpClientOptions,
  ReconnectionOptions,
  TlsOptions,
  ToldMethod,
} from '../config/index.js'
export { errorCodes, MtlsError, type MtlsErrorCode, type MtlsErrorOptions } from '../errors.js'
export type {
  AddressEvent,
  EventBase,
  Expiring,
  PeerEvent,
  RefusalReason,
  SecurityEvent,
  Subscriber,
} from '../tls/events.js'
export type { LogOptions } from '../tls/log/log.js'
export type { FreshnessOptions, WatchOptions } from '../tls/material/reloadable.js'
export type { ConnectionState, TlsConnection, Usage } from '../tls/peer/connection.js'
export type { Relaxation } from '../tls/peer/verdict.js'
export type { CertificateFacts } from '../x509/certificate.js'
export type { KeyAlgorithm, KeyFacts } from '../x509/key-facts.js'
export type { NameConstraints, Subtree } from '../x509/name-constraints.js'
export type { SubjectNames } from '../x509/subject-names.js'
export { type ConnectOptions, connect } from './connect.js'
export type { MtlsFetch } from './fetch.js'
export type { Handlers } from './handlers.js'
export type { MtlsFetchOptions } from './live-connections.js'
export { type Pooled, registerPools } from './metrics.js'
export type { MtlsClient } from './mtls-client.js'
export { mtlsFetch } from './mtls-fetch.js'
export type { PoolFigures } from './pool-figures.js'
export type { MoreHeaders } from './with-headers.js'
