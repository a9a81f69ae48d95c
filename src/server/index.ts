export type { Identity } from '../auth/identity.js'
export type {
  AuditLogOptions,
  AuditReceiver,
  Limits,
  McpServerOptions,
  SessionOptions,
  TlsOptions,
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
export { createMtlsServer } from './create-mtls-server.js'
export { type CallContext, type Caller, identityOf } from './identity-of.js'
export type { AnyMcpServer, AnyServerFactory, FactoryContext } from './mcp/any-server.js'
export type { Notify } from './mcp/dispatch.js'
export type { MtlsControls, MtlsServer, MtlsServerOptions } from './mtls-server.js'
export type {
  AuthorizationHealth,
  BehindHealth,
  CertificateHealth,
  Health,
  HealthProblem,
  PolicyHealth,
} from './ops/health.js'
export type { RunningServer, ServeOptions } from './running-server.js'
export { serve } from './serve.js'
