/**
 * Sends one file over TLS to each client: the minimum cost of a log sent the same way.
 * node-streams.ts runs it as a separate program.
 *
 *   node file-server.ts '{"file":"…","host":"…","port":1,"certFile":"…","keyFile":"…"}'
 */
import { createReadStream, readFileSync } from 'node:fs';
import { createServer } from 'node:https';

export interface Serving {
  readonly file: string;
  readonly host: string;
  readonly port: number;
  readonly certFile: string;
  readonly keyFile: string;
}

if (import.meta.main) {
  const { file, host, port, certFile, keyFile } = JSON.parse(process.argv[2] ?? '') as Serving;
  createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile) }, (_, response) => {
    createReadStream(file).pipe(response);
  }).listen(port, host, () => console.log('ready'));
}
