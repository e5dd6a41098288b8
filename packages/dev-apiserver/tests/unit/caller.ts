import { request } from 'node:https';

import type { DevApiServer } from '../../src/index.js';

export interface Answer {
  readonly status: number;
  // Loosely typed on purpose: assertions name the fields that they check.
  readonly body: Record<string, never> & { [key: string]: unknown };
  /** The text of the Warning headers. */
  readonly warnings: readonly string[];
}

/** Sends requests to the server as one identity. */
export interface Caller {
  call(
    method: string,
    path: string,
    body?: unknown,
    headers?: Record<string, string>,
  ): Promise<Answer>;
}

interface Credentials {
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

/** @param credentials absent for an anonymous caller */
export function callerWith(
  server: DevApiServer,
  { token, ...certificate }: Credentials = {},
): Caller {
  const tls = { ca: server.caCertificatePem, ...certificate };
  return {
    call: (method, path, body, headers = {}) =>
      new Promise((resolve, reject) => {
        const bytes =
          body === undefined || Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
        const all = {
          'content-type': 'application/json',
          'content-length': String(bytes?.length ?? 0),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...headers,
        };
        const outgoing = request(`${server.url}${path}`, { ...tls, method, headers: all });
        outgoing.on('error', reject);
        outgoing.on('response', (response) => {
          let answer = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (answer += chunk));
          response.on('end', () => {
            const status = response.statusCode ?? 0;
            const warnings = [
              ...(response.headers.warning ?? '').matchAll(/299 - "((?:\\.|[^"\\])*)"/g),
            ];
            resolve({
              status,
              body: JSON.parse(answer) as Answer['body'],
              warnings: warnings.map(([, text = '']) => text.replace(/\\(.)/g, '$1')),
            });
          });
        });
        outgoing.end(bytes);
      }),
  };
}

export async function callerFor(
  server: DevApiServer,
  user: string,
  groups: readonly string[],
): Promise<Caller> {
  const { certificatePem, keyPem } = await server.issueClientCertificate({ user, groups });
  return callerWith(server, { cert: certificatePem, key: keyPem });
}

export function adminOf(server: DevApiServer): Promise<Caller> {
  return callerFor(server, 'admin', ['system:masters']);
}

/** The smallest pod that the server accepts. */
export function aPod(name: string, spec: object = {}): object {
  const metadata = { name, labels: { app: name } };
  return { metadata, spec: { containers: [{ name: 'app', image: 'web:1' }], ...spec } };
}
