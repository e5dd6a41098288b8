import { once } from 'node:events';
import { request as httpsRequest } from 'node:https';

import { MemoryLogger } from '@nodeagent/base/testing';
import { afterEach, expect, it } from 'vitest';

import { type HttpsServer, startHttpsServer } from '../../src/adapters/https-server.js';
import { createCertificateAuthority } from '../../src/adapters/pki.js';
import type { Api } from '../../src/run/api.js';
import type { ApiAnswer } from '../../src/run/api-answer.js';

let server: HttpsServer;
afterEach(() => server.close());

it('a watch whose client left before it began is not begun', async () => {
  const authority = await createCertificateAuthority(Date.now());
  const certificate = await authority.issueServer('localhost', ['127.0.0.1'], Date.now());
  const asked = Promise.withResolvers<undefined>();
  const answer = Promise.withResolvers<ApiAnswer>();
  const handled = Promise.withResolvers<undefined>();
  let watches = 0;
  const api = {
    handle: async (): Promise<ApiAnswer> => {
      asked.resolve(undefined);
      const given = await answer.promise;
      // after all that follows from it
      setImmediate(() => handled.resolve(undefined));
      return given;
    },
  };
  server = await startHttpsServer({
    api: api as unknown as Api,
    ...{ host: '127.0.0.1', port: 0, certificate, caPem: authority.certificatePem },
    authenticate: async () => ({ user: { username: 'a', groups: [] }, audiences: [] }),
    ...{ apiAudience: '', sendsBookmarks: true, log: new MemoryLogger() },
    nodeIdentity: undefined as never,
  });
  const call = (path: string) => {
    const { port } = server;
    const headers = { authorization: 'Bearer t' };
    const options = { host: '127.0.0.1', port, path, headers, rejectUnauthorized: false };
    return httpsRequest({ ...options, agent: false }).end();
  };
  const left = call('/api/v1/pods?watch=true').on('error', () => undefined); // left below
  await asked.promise;
  left.destroy();
  await new Promise((resolve) => left.once('close', resolve));
  // by then the server has seen that the other is gone
  const [later] = await once(call('/healthz'), 'response');
  (later as NodeJS.ReadableStream).resume();
  const open = () => {
    watches += 1;
    return { bookmark: () => undefined, stop: () => (watches -= 1) };
  };
  answer.resolve({ kind: 'watch', timeoutMs: 60_000, open } as never);
  await handled.promise;
  expect(watches).toBe(0);
});
