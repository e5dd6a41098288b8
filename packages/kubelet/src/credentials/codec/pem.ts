import { Buffer } from 'node:buffer';

import { pemBlocks } from '@nodeagent/base';

const LINE = 64;

/** The bytes of every block in order, without headers and text between blocks (RFC 7468). */
export function decodePem(text: string): readonly Buffer[] {
  return pemBlocks(text).map(({ body }) => {
    const lines = body.split(/\r?\n/).filter((line) => !line.includes(':'));
    return Buffer.from(lines.join(''), 'base64');
  });
}

/** One block, ending in a newline. */
export function encodePem(label: string, bytes: Buffer): string {
  const text = bytes.toString('base64');
  const count = Math.ceil(text.length / LINE);
  const lines = Array.from({ length: count }, (_, at) => text.slice(at * LINE, (at + 1) * LINE));
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
