import type { Readable } from 'node:stream';

/**
 * Reads the body of a request to a server of ours as UTF-8.
 *
 * @param body a request of `node:http` or `node:http2`
 * @returns undefined if it is longer; the rest is not read
 */
export async function readBody(body: Readable, mostBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  // the connection stays for the answer
  const pieces = body.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  for await (const chunk of pieces) {
    size += chunk.length;
    if (size > mostBytes) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
