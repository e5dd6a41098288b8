import { Buffer } from 'node:buffer';

/** Joins chunks of UTF-8 into one text; chunk boundaries may lie within characters. */
export function joinText(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString('utf8');
}
