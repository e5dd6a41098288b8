import { Buffer } from 'node:buffer';

/** Chunks of UTF-8 as one text; characters may be cut anywhere. */
export function joinText(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString('utf8');
}
