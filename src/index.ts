export type { Identity } from './auth/identity.js'
export { type ConnectOptions, connect } from './client/connect.js'
export type { MtlsFetch } from './client/fetch.js'
export type { Handlers } from './client/handlers.js'
export type { MtlsFetchOptions } from './client/live-connections.js'
export type { MtlsClient } from './client/mtls-client.js'
export { mtlsFetch } from './client/mtls-fetch.js'
export type { PoolFigures } from './client/pool-figures.js'
export type { MoreHeaders } from './client/with-headers.js'
export type {
  AskedMethod,
  AuditLogOptions,
  AuditReceiver,
  Limits,
  McpClientOptions,
  McpServerOptions,
  ReconnectionOptions,
  SessionOptions,
  TlsOptions,
  ToldMethod,
} from './config/index.js'
export { errorCodes, MtlsError, type MtlsErrorCode, type MtlsErrorOptions } from './errors.js'
export { type CallContext, type Caller, identityOf } from './server/identity-of.js'
export type { AnyMcpServer, AnyServerFactory, FactoryContext } from './server/mcp/any-server.js'
export type { Notify } from './server/mcp/dispatch.js'
export type {
  AuthorizationHealth,
  BehindHealth,
  CertificateHealth,
  Health,
  HealthProblem,
  PolicyHealth,
} from './server/ops/health.js'
export type { RunningServer, ServeOptions } from './server/running-server.js'
export { serve } from './server/serve.js'
export type {
  AddressEvent,
  EventBase,
  Expiring,
  PeerEvent,
  RefusalReason,
  SecurityEvent,
  Subscriber,
} from './tls/events.js'
export type { LogOptions } from './tls/log/log.js'
export type { FreshnessOptions, WatchOptions } from './tls/material/reloadable.js'
export type { ConnectionState, TlsConnection, Usage } from './tls/peer/connection.js'
export type { Relaxation } from './tls/peer/verdict.js'
export type { CertificateFacts } from './x509/certificate.js'
export type { KeyAlgorithm, KeyFacts } from './x509/key-facts.js'
export type { NameConstraints, Subtree } from './x509/name-constraints.js'
export type { SubjectNames } from './x509/subject-names.js'
