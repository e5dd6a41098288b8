export { socketPaths } from './codec/address.js';
export { decodeMessage, encodeMessage, HEAD_BYTES, messageLength } from './codec/message.js';
export {
  DbusError,
  type DbusErrorCode,
  type DbusErrorOptions,
  isDbusError,
  isDbusRefusal,
} from './model/errors.js';
export {
  type DbusCall,
  type DbusMatch,
  type DbusMessage,
  type DbusMessageType,
  type DbusSignal,
  type DbusValue,
  type DbusVariant,
  variantValue,
} from './model/message.js';
export type { Dbus, DbusEndpoint, DbusStream, DbusStreamHandlers } from './ports.js';
export { type ConnectionOptions, DbusConnection, type DbusLimits } from './run/connection.js';
export { LastingDbus, type LastingDbusOptions } from './run/lasting-dbus.js';
