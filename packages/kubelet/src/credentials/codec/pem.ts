import { Buffer } from 'node:buffer';

const BLOCK = /-----BEGIN ([^-\r\n]+)-----\r?\n([\s\S]*?)-----END \1-----/g;
const LINE = 64;

/** The bytes of every block in order, without headers and what stands between blocks (RFC 7468). */
export function decodePem(text: string): readonly Buffer[] {
  return [...text.matchAll(BLOCK)].map(([, , body = '']) => {
    const lines = body.split(/\r?\n/).filter((line) => !line.includes(':'));
    return Buffer.from(lines.join(''), 'base64');
  });
}

/** One block, with a newline at its end. */
export function encodePem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(new RegExp(`.{1,${LINE}}`, 'g')) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
}
