import { NetfilterError } from '../model/errors.js';

/** Types of user data, which only `nft` reads. @see nftables include/nftnl udata.h */
export const UDATA = {
  keyByteOrder: 0,
  dataByteOrder: 1,
  /** The comment of a set. */
  comment: 7,
  /** The comment of a rule, a table, a chain or an object. */
  ruleComment: 0,
  elementComment: 0,
} as const;

const MAX_COMMENT = 127;

/** One piece: its type, its length, its bytes. */
export function udata(type: number, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([type, bytes.length]), bytes]);
}

/** @throws {NetfilterError} `NETFILTER_VALUE` when the text is longer than 127 bytes */
export function commentData(type: number, text: string): Buffer {
  const bytes = Buffer.from(`${text}\0`);
  if (bytes.length > MAX_COMMENT + 1) {
    const message = `nft: a comment has at most ${MAX_COMMENT} bytes: ${text}`;
    throw new NetfilterError('NETFILTER_VALUE', message);
  }
  return udata(type, bytes);
}

/** Returns the text of a comment; undefined when there is none. */
export function readComment(bytes: Uint8Array | undefined, type: number): string | undefined {
  const piece = readUdata(bytes, type);
  if (piece === undefined) return undefined;
  const text = piece.toString();
  const end = text.indexOf('\0');
  return end === -1 ? text : text.slice(0, end);
}

/** Returns one piece of user data; undefined when there is none of the type. */
export function readUdata(bytes: Uint8Array | undefined, type: number): Buffer | undefined {
  if (bytes === undefined) return undefined;
  for (let at = 0; at + 2 <= bytes.length;) {
    const size = bytes[at + 1] ?? 0;
    if (bytes[at] === type) return Buffer.from(bytes.subarray(at + 2, at + 2 + size));
    at += 2 + size;
  }
  return undefined;
}

/** Returns the pieces that this package does not read, in hexadecimal; undefined when there are none. */
export function readOther(bytes: Uint8Array | undefined): string | undefined {
  if (bytes === undefined) return undefined;
  const known: readonly (number | undefined)[] = [
    UDATA.keyByteOrder,
    UDATA.dataByteOrder,
    UDATA.comment,
  ];
  const pieces: Buffer[] = [];
  for (let at = 0; at + 2 <= bytes.length;) {
    const end = at + 2 + (bytes[at + 1] ?? 0);
    if (!known.includes(bytes[at])) pieces.push(Buffer.from(bytes.subarray(at, end)));
    at = end;
  }
  return pieces.length === 0 ? undefined : Buffer.concat(pieces).toString('hex');
}
