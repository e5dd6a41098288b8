import { once } from 'node:events';

import { expect, it } from 'vitest';

import { serveHealth } from '../../src/adapters/health-server.js';
import { probeOnce } from '../../src/once.js';
import { PATIENT_MS } from '../patience.js';

const ask = async (url: string, init?: RequestInit) => {
  const answer = await fetch(url, init);
  return [answer.status, await answer.text()];
};

it('passes on /healthz when there are no checks, and is itself worth a probe', async () => {
  await using health = await serveHealth();
  expect(await ask(`${health.url}/healthz`)).toEqual([200, 'ok']);
  expect(await ask(`${health.url}/healthz`, { method: 'HEAD' })).toEqual([200, '']);
  const found = await probeOnce(`${health.url}/healthz`, { timeoutMs: PATIENT_MS });
  expect(found).toEqual({ result: 'success', detail: 'ok' });
});

it('fails with the names of the checks that fail, and keeps the reasons for its owner', async () => {
  const told: string[] = [];
  const paths = {
    '/livez': {},
    '/readyz': {
      cache: async () => 'warm',
      database: () => {
        throw new Error('password refused');
      },
    },
  };
  const onFailure = (check: string, error: unknown) => void told.push(`${check}: ${String(error)}`);
  await using health = await serveHealth({ paths, onFailure });
  expect(await ask(`${health.url}/livez`)).toEqual([200, 'ok']);
  expect(await ask(`${health.url}/readyz`)).toEqual([
    503,
    '[+]cache ok\n[-]database failed: reason withheld\nreadyz check failed\n',
  ]);
  expect(told).toEqual(['database: Error: password refused']);
  expect(await ask(`${health.url}/readyz/cache`)).toEqual([200, 'ok']);
  expect(await ask(`${health.url}/readyz/cache?verbose`)).toEqual([
    200,
    '[+]cache ok\nreadyz/cache check passed\n',
  ]);
});

it('knows only its paths, checks and two methods', async () => {
  await using health = await serveHealth({ paths: { '/readyz': { cache: () => undefined } } });
  for (const path of ['/', '/healthz', '/readyz/other', '/readyz/', '/constructor/name']) {
    expect(await ask(`${health.url}${path}`)).toEqual([404, 'not found\n']);
  }
  const post = await ask(`${health.url}/readyz`, { method: 'POST' });
  expect(post).toEqual([405, 'method not allowed\n']);
});

it('fails a check that takes too long, and aborts it', async () => {
  const told: unknown[] = [];
  let seen: AbortSignal | undefined;
  const stuck = (signal: AbortSignal) => {
    seen = signal;
    return new Promise(() => undefined);
  };
  await using health = await serveHealth({
    paths: { '/healthz': { stuck } },
    timeoutMs: 20,
    onFailure: (_, error) => void told.push(error),
  });
  expect((await ask(`${health.url}/healthz`))[0]).toBe(503);
  expect(seen?.aborted).toBe(true);
  expect(told).toMatchObject([{ name: 'TimeoutError' }]);
});

it('aborts checks and closes connections when it is closed, and may be closed twice', async () => {
  const started = Promise.withResolvers<AbortSignal>();
  const stuck = (signal: AbortSignal) => {
    started.resolve(signal);
    return once(signal, 'abort');
  };
  const health = await serveHealth({ paths: { '/healthz': { stuck } }, timeoutMs: 600_000 });
  const asking = fetch(`${health.url}/healthz`).catch(() => 'closed');
  const signal = await started.promise;
  await health.close();
  await health.close();
  expect(signal.aborted).toBe(true);
  expect(await asking).toBe('closed');
  await expect(fetch(`${health.url}/healthz`)).rejects.toThrow();
});

it('reports a port that is taken', async () => {
  await using health = await serveHealth({ host: '::1' });
  expect(health.url).toBe(`http://[::1]:${health.port}`);
  const second = serveHealth({ host: '::1', port: health.port });
  await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
