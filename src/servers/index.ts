export {
  type BuiltInOptions,
  type BuiltInServer,
  type BuiltInServerName,
  builtInServers,
} from './built-in.js'
