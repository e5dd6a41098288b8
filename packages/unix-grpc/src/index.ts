export {
  bool,
  choice,
  int32,
  int64,
  many,
  map,
  one,
  type OneOf,
  oneOf,
  string,
  strings,
  wrapped,
} from './codec/fields.js';
export {
  type Decoded,
  type Field,
  type FieldTable,
  type Message,
  message,
  type MessageOf,
  type PartialOf,
} from './codec/message.js';
export { Timestamp } from './codec/timestamp.js';
export {
  type AnyMethod,
  type HandlersOf,
  type MethodTable,
  type ServiceOf,
  stream,
  type StreamMethod,
  unary,
  type UnaryMethod,
} from './model/method.js';
export { GRPC_STATUSES, type GrpcFailure, type GrpcStatus, grpcStatus } from './model/status.js';
