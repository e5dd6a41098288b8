import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, describe, expect, it } from 'vitest';

import { createHttpProber } from '../../src/adapters/http-prober.js';
import { createTcpProber } from '../../src/adapters/tcp-prober.js';

/** The server runs in a process of its own, so that its CPU time is not counted. */
const SERVER = `
const server = require('node:http').createServer((_, answer) => answer.end('ok'));
server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => console.log(server.address().port));
`;
const ATTEMPTS = 1000;
const ROUNDS = 5;

const server = spawn(process.execPath, ['-e', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
const [line] = (await once(server.stdout, 'data')) as [Buffer];
const port = Number(line.toString());
const { signal } = new AbortController();
const http = createHttpProber();
const tcp = createTcpProber();
const hostname = '127.0.0.1';

const contestants = {
  'node:http, one connection per request': () =>
    new Promise<void>((resolve, reject) => {
      const request = get({ hostname, port, agent: false }, (answer) => {
        answer.resume();
        answer.on('end', resolve);
      });
      request.on('error', reject);
    }),
  'HTTP probe': async () => {
    const request = { scheme: 'http', hostname, port, target: '/', host: hostname } as const;
    const outcome = await http({ ...request, headers: [], timeoutMs: 1000 }, signal);
    if (outcome.result !== 'success') throw new Error(outcome.detail);
  },
  'TCP probe': async () => {
    const outcome = await tcp({ hostname, port, timeoutMs: 1000 }, signal);
    if (outcome.result !== 'success') throw new Error(outcome.detail);
  },
};

/** Returns CPU milliseconds of this process for a thousand attempts, the best of some rounds. */
async function cpuMs(attempt: () => Promise<void>): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = process.cpuUsage();
    for (let n = 0; n < ATTEMPTS; n += 1) {
      await attempt();
      if (n % 50 === 0) await delay(5); // the kernel accepts faster than the server
    }
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / 1000);
  }
  return best;
}

afterAll(() => void server.kill());

describe('CPU per 1,000 attempts, as a ratio to node:http', () => {
  it('is below 1', async () => {
    const costs: [name: string, ms: number][] = [];
    for (const [name, attempt] of Object.entries(contestants)) {
      costs.push([name, await cpuMs(attempt)]);
    }
    const [, unit = Number.NaN] = costs[0] ?? [];
    for (const [name, ms] of costs) {
      console.log(`${name}: ${Math.round(ms)} ms, ratio ${(ms / unit).toFixed(2)}`);
    }
    for (const [, ms] of costs.slice(1)) expect(ms / unit).toBeLessThan(1);
  });
});
