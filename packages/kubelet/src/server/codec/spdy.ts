import { Buffer } from 'node:buffer';

/**
 * The part of SPDY/3.1 that a client of a runtime's streaming server needs. These servers implement
 * no flow control: unread data waits in the connection.
 *
 * @see https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
 */
const VERSION = 0x8003;
const TYPE = { open: 1, reply: 2, reset: 3, ping: 6, goAway: 7 } as const;
const FIN = 1;
const HEADER_BYTES = 8;
/** Control frames contain a few headers; no streaming server sends larger ones. */
const MAX_CONTROL_BYTES = 64 * 1024;
const MAX_DATA_BYTES = 0xff_ffff;

/** `CMF` and `FLG` of a zlib stream without a dictionary. */
const ZLIB_HEADER = Buffer.from([0x78, 0x01]);
/** An empty stored block, which makes the receiver process everything before it. */
const FLUSH = Buffer.from([0, 0, 0, 0xff, 0xff]);

/** Opens streams on a connection; a client's streams have odd numbers. */
export class SpdyOpener {
  #next = 1;

  /**
   * Encodes a stream's first frame. All headers of a connection form one zlib stream; this one uses
   * stored blocks, so nothing is compressed.
   */
  open(headers: Readonly<Record<string, string>>): Readonly<{ id: number; frame: Buffer }> {
    const id = this.#next;
    const packed = Buffer.concat([id === 1 ? ZLIB_HEADER : EMPTY, stored(headerBlock(headers))]);
    this.#next += 2;
    const body = Buffer.alloc(10);
    body.writeUInt32BE(id, 0);
    return { id, frame: controlFrame(TYPE.open, Buffer.concat([body, packed])) };
  }
}

const EMPTY = Buffer.alloc(0);

function headerBlock(headers: Readonly<Record<string, string>>): Buffer {
  const entries = Object.entries(headers);
  const parts: Buffer[] = [uint32(entries.length)];
  for (const text of entries.flatMap(([name, value]) => [name.toLowerCase(), value])) {
    const bytes = Buffer.from(text);
    parts.push(uint32(bytes.length), bytes);
  }
  return Buffer.concat(parts);
}

/** A stored block of deflate. @see RFC 1951 section 3.2.4 */
function stored(bytes: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt16LE(bytes.length, 1);
  head.writeUInt16LE(~bytes.length & 0xffff, 3);
  return Buffer.concat([head, bytes, FLUSH]);
}

/** @param data at most 16 MiB */
export function encodeSpdyData(id: number, data: Uint8Array, isLast = false): readonly Buffer[] {
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt32BE(id, 0);
  head.writeUInt32BE(Math.min(data.length, MAX_DATA_BYTES), 4);
  head[4] = isLast ? FIN : 0;
  return data.length === 0 ? [head] : [head, data as Buffer];
}

export function encodeSpdyPing(id: number): Buffer {
  return controlFrame(TYPE.ping, uint32(id));
}

function controlFrame(type: number, body: Buffer): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  head.writeUInt16BE(VERSION, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, body]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export interface SpdyEvents {
  /** Called as data arrives; the data of one frame may come in several pieces. */
  data(id: number, data: Buffer): void;
  /** The stream has ended. */
  end(id: number): void;
  ping(id: number): void;
  /** The server is about to close the connection. */
  goAway(): void;
}

interface DataFrame {
  readonly id: number;
  left: number;
  readonly isLast: boolean;
}

/** Splits a connection's bytes into frames. */
export class SpdyParser {
  readonly #events: SpdyEvents;
  /** The received part of a frame's header, or of a control frame. */
  #frame: Buffer = Buffer.alloc(HEADER_BYTES);
  #frameBytes = 0;
  #data: DataFrame | undefined;

  constructor(events: SpdyEvents) {
    this.#events = events;
  }

  /**
   * Takes time linear in the number of bytes, even for tiny pieces: copies no byte twice.
   *
   * @throws if the bytes are not SPDY frames
   */
  take(chunk: Buffer): void {
    let bytes = chunk;
    while (bytes.length > 0) {
      if (this.#data !== undefined) {
        bytes = this.#takeData(this.#data, bytes);
        continue;
      }
      const copied = bytes.copy(this.#frame, this.#frameBytes);
      this.#frameBytes += copied;
      bytes = bytes.subarray(copied);
      if (this.#frameBytes === this.#frame.length) this.#readFrame(this.#frame);
    }
  }

  /** @param frame a header, or a whole control frame */
  #readFrame(frame: Buffer): void {
    const first = frame.readUInt32BE(0);
    const length = frame.readUInt32BE(4) & 0xff_ffff;
    const flags = frame[4] ?? 0;
    if (first >>> 31 === 0) {
      this.#frameBytes = 0;
      this.#data = { id: first, left: length, isLast: (flags & FIN) !== 0 };
      if (length === 0) this.#takeData(this.#data, EMPTY);
      return;
    }
    if (first >>> 16 !== VERSION) throw new Error('the runtime does not speak SPDY/3.1');
    if (length > MAX_CONTROL_BYTES) throw new Error('the runtime sends a frame that is too long');
    if (frame.length < HEADER_BYTES + length) {
      this.#frame = Buffer.alloc(HEADER_BYTES + length);
      frame.copy(this.#frame);
      return;
    }
    this.#frame = frame.length === HEADER_BYTES ? frame : Buffer.alloc(HEADER_BYTES);
    this.#frameBytes = 0;
    this.#control(first & 0xffff, flags, frame.subarray(HEADER_BYTES));
  }

  #takeData(frame: DataFrame, bytes: Buffer): Buffer {
    const piece = bytes.subarray(0, frame.left);
    if (piece.length > 0) this.#events.data(frame.id, piece);
    frame.left -= piece.length;
    if (frame.left === 0) {
      this.#data = undefined;
      if (frame.isLast) this.#events.end(frame.id);
    }
    return bytes.subarray(piece.length);
  }

  #control(type: number, flags: number, body: Buffer): void {
    const id = body.length >= 4 ? body.readUInt32BE(0) & 0x7fff_ffff : 0;
    if (type === TYPE.reset) this.#events.end(id);
    else if (type === TYPE.reply && (flags & FIN) !== 0) this.#events.end(id);
    else if (type === TYPE.ping && body.length >= 4) this.#events.ping(body.readUInt32BE(0));
    else if (type === TYPE.goAway) this.#events.goAway();
  }
}
