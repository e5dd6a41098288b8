import type { Readable, Writable } from 'node:stream';

/** Ignores the failure of an unused stream, which would otherwise end the process. */
export function quiet<Stream extends Readable | Writable>(stream: Stream): Stream {
  stream.on('error', () => undefined);
  return stream;
}
