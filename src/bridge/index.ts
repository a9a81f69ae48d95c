export type {
  BridgeSettings,
  ListenOptions,
  McpClientOptions,
  ReconnectionOptions,
  TlsOptions,
} from '../config/index.js'
export { errorCodes, MtlsError, type MtlsErrorCode, type MtlsErrorOptions } from '../errors.js'
export type { BridgeEvent } from './event.js'
export { type BridgeOptions, type BridgeServerOptions, bridge, type RunningBridge } from './library.js'
