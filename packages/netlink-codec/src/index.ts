export { decodeAddress, encodeAddress } from './codec/address.js';
export {
  type Attr,
  type AttrTable,
  type AttrValues,
  decodeAttrs,
  encodeAttrs,
  type RawAttr,
  splitAttrs,
  writeAttr,
  writeAttrs,
} from './codec/attr.js';
export {
  arrayOf,
  bytes,
  cString,
  flag,
  i32,
  i32be,
  inetAddress,
  listOf,
  nested,
  u8,
  u16,
  u16be,
  u32,
  u32be,
  u64,
  u64be,
} from './codec/attr-types.js';
export { ByteWriter, LITTLE_ENDIAN, NLA_F_NESTED } from './codec/byte-writer.js';
export { errnoName, errnoNumber } from './codec/errno.js';
export {
  CONTROLLER,
  CONTROLLER_ATTRS,
  decodeGeneric,
  encodeGeneric,
  type GenericHeader,
  writeGenericHeader,
} from './codec/generic.js';
export {
  type Acknowledgement,
  beginMessage,
  decodeAcknowledgement,
  endMessage,
  FLAG,
  MESSAGE,
  MESSAGE_HEADER,
  type NetlinkMessage,
  type OutgoingMessage,
  readErrno,
  refusal,
  splitMessages,
  writeMessage,
} from './codec/message.js';
export {
  isNetlinkError,
  isRefusal,
  NetlinkError,
  type NetlinkErrorCode,
  type NetlinkErrorOptions,
} from './model/errors.js';
export type { NetlinkSocket } from './ports.js';
export {
  type ConnectionOptions,
  type Exchange,
  type MessageSource,
  NetlinkConnection,
} from './run/connection.js';
export { type GenericFamily, resolveGenericFamily } from './run/generic-family.js';
export { LastingConnection, type LastingConnectionOptions } from './run/lasting-connection.js';
export { listen, type ListenOptions } from './run/listen.js';
