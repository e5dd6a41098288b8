import { existsSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * A proxy in front of an image registry. It prints `listening`, then a line `METHOD path user` for
 * each request, and blocks access to image content while a file exists.
 *
 *   node door-program.ts LISTEN-PORT REGISTRY-PORT FILE
 */
const [listenPort, registryPort, closed = ''] = process.argv.slice(2);

function userOf({ headers }: IncomingMessage): string {
  const [, coded = ''] = /^Basic (.*)$/.exec(headers.authorization ?? '') ?? [];
  return Buffer.from(coded, 'base64').toString('utf8').split(':')[0] || '-';
}

async function pass(ask: IncomingMessage, answer: ServerResponse): Promise<void> {
  console.log(`${ask.method} ${ask.url} ${userOf(ask)}`);
  while (ask.url?.includes('/blobs/') && existsSync(closed)) {
    if (answer.destroyed) return;
    await delay(50);
  }
  const { method, url: path, headers } = ask;
  const far = request({ port: registryPort, method, path, headers }, (found) => {
    answer.writeHead(found.statusCode ?? 500, found.headers);
    found.pipe(answer);
  });
  far.on('error', (error) => answer.destroy(error));
  ask.pipe(far);
}

createServer((ask, answer) => void pass(ask, answer)).listen(Number(listenPort), '127.0.0.1', () =>
  console.log('listening'),
);
