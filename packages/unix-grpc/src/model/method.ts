import type { Message, PartialOf } from '../codec/message.js';

/** A gRPC method with one request and one reply. */
export interface UnaryMethod<Request, Reply> {
  readonly kind: 'unary';
  /** `csi.v1.Node/NodePublishVolume`; on the wire with a leading slash. */
  readonly name: string;
  readonly request: Message<Request>;
  readonly reply: Message<Reply>;
}

/** A gRPC method with one request and a stream of replies. */
export interface StreamMethod<Request, Reply> {
  readonly kind: 'stream';
  readonly name: string;
  readonly request: Message<Request>;
  readonly reply: Message<Reply>;
}

/** A method of either kind, whatever its messages. */
export type AnyMethod = UnaryMethod<unknown, unknown> | StreamMethod<unknown, unknown>;

/** A service: its methods by the names that callers use. */
export type MethodTable = Readonly<Record<string, AnyMethod>>;

/**
 * A service as functions. A client implements it by calls; a server gets an implementation.
 * Requests may omit fields; a client's replies have all of them.
 */
export type ServiceOf<Table extends MethodTable> = {
  readonly [Name in keyof Table]: FunctionOf<Table[Name]>;
};

type FunctionOf<M> =
  M extends UnaryMethod<infer Request, infer Reply>
    ? (request: PartialOf<Request>, signal: AbortSignal) => Promise<Reply>
    : M extends StreamMethod<infer Request, infer Reply>
      ? (request: PartialOf<Request>, signal: AbortSignal) => AsyncIterable<Reply>
      : never;

/**
 * A service as its server implements it: every field of a request is present, and replies may omit
 * some.
 */
export type HandlersOf<Table extends MethodTable> = {
  readonly [Name in keyof Table]: HandlerOf<Table[Name]>;
};

type HandlerOf<M> =
  M extends UnaryMethod<infer Request, infer Reply>
    ? (request: Request, signal: AbortSignal) => Promise<PartialOf<Reply>>
    : M extends StreamMethod<infer Request, infer Reply>
      ? (request: Request, signal: AbortSignal) => AsyncIterable<PartialOf<Reply>>
      : never;

/** Declares a method with one request and one reply: `rpc name (Request) returns (Reply)`. */
export function unary<Request, Reply>(
  name: string,
  request: Message<Request>,
  reply: Message<Reply>,
): UnaryMethod<Request, Reply> {
  return { kind: 'unary', name, request, reply };
}

/**
 * Declares a method with one request and many replies: `rpc name (Request) returns (stream Reply)`.
 */
export function stream<Request, Reply>(
  name: string,
  request: Message<Request>,
  reply: Message<Reply>,
): StreamMethod<Request, Reply> {
  return { kind: 'stream', name, request, reply };
}
