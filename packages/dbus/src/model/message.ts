/**
 * A value of D-Bus. Integers of 64 bits are bigint, `ay` is a Uint8Array, structs and arrays are
 * lists, an entry of a dictionary is a list of its key and its value.
 */
export type DbusValue =
  number | bigint | string | boolean | Uint8Array | DbusVariant | readonly DbusValue[];

/** A value with its own type, which is exactly one. */
export interface DbusVariant {
  readonly signature: string;
  readonly value: DbusValue;
}

/** The four kinds of messages of the D-Bus specification. */
export type DbusMessageType = 'call' | 'return' | 'error' | 'signal';

/** A D-Bus message as data. */
export interface DbusMessage {
  readonly type: DbusMessageType;
  /** Chosen by the sender, never 0. */
  readonly serial: number;
  /** The serial of the call that this answers. */
  readonly replySerial?: number | undefined;
  readonly path?: string | undefined;
  readonly interface?: string | undefined;
  readonly member?: string | undefined;
  readonly errorName?: string | undefined;
  readonly destination?: string | undefined;
  /** Set by the bus. */
  readonly sender?: string | undefined;
  /** The sender of a call waits for no answer. */
  readonly noReply?: boolean | undefined;
  /** The types of the body, one after the other. */
  readonly signature: string;
  readonly body: readonly DbusValue[];
}

/** A call of a method. */
export interface DbusCall {
  /** A name on the bus; absent on a connection without a bus. */
  readonly destination?: string | undefined;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  /** Types of the arguments; none when absent. */
  readonly signature?: string | undefined;
  readonly body?: readonly DbusValue[] | undefined;
}

/** The signals that a subscriber asks for. */
export interface DbusMatch {
  /** A name on the bus. Signals of others are dropped, also those sent to this connection alone. */
  readonly sender: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
}

/** An announcement of a program on the bus. */
export interface DbusSignal {
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly body: readonly DbusValue[];
}

/** @returns the value of a variant; undefined for every other value */
export function variantValue(value: DbusValue | undefined): DbusValue | undefined {
  if (typeof value !== 'object' || value instanceof Uint8Array || !('signature' in value)) {
    return undefined;
  }
  return value.value;
}
