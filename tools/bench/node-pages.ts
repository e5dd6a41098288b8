import { readFile } from 'node:fs/promises';
import { Agent, get } from 'node:https';

import { type Cluster } from '@nodeagent/testbed';

import { cpuMs, rssMib } from './memory.ts';
import { writeCredentials } from './node-streams.ts';

const PORT = 10_250;
const WARM_UP = 3;
const REPEATS = 30;
const PAUSE_MS = 100;
const PAGES = ['/metrics/cadvisor', '/stats/summary', '/metrics/resource', '/metrics'];

/**
 * CPU time of the kubelet for each page of figures, over one connection as a scraper keeps it; what
 * it uses besides in the same time is taken off.
 */
export async function benchPages(cluster: Cluster, pods: number, pages = PAGES): Promise<void> {
  const { certFile, keyFile } = await writeCredentials(cluster);
  const agent = new Agent({
    keepAlive: true,
    maxSockets: 1,
    cert: await readFile(certFile),
    key: await readFile(keyFile),
    rejectUnauthorized: false,
  });
  const { pid } = cluster.kubelet;
  const node = `https://${cluster.space.network.nodeIp}:${PORT}`;
  try {
    for (const path of pages) {
      for (let i = 0; i < WARM_UP; i += 1) await download(agent, node + path);
      const idle = await during(pid, () => rest(REPEATS * PAUSE_MS));
      let bytes = 0;
      const busy = await during(pid, async () => {
        for (let i = 0; i < REPEATS; i += 1) {
          bytes = await download(agent, node + path);
          await rest(PAUSE_MS);
        }
      });
      const own = busy.cpuMs - idle.cpuMs * (busy.ms / idle.ms);
      console.log(
        `${path} with ${pods} pods: ${(own / REPEATS).toFixed(1)} ms of CPU, ${(bytes / 1024).toFixed(0)} KiB; ` +
          `kubelet ${(await rssMib(pid)).toFixed(0)} MiB`,
      );
    }
  } finally {
    agent.destroy();
  }
}

async function during(
  pid: number,
  work: () => Promise<void>,
): Promise<Readonly<{ cpuMs: number; ms: number }>> {
  const [startedMs, before] = [performance.now(), await cpuMs(pid)];
  await work();
  return { cpuMs: (await cpuMs(pid)) - before, ms: performance.now() - startedMs };
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** @returns how long the body was */
function download(agent: Agent, url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.on('error', reject);
      response.on('end', () => {
        if (response.statusCode === 200) resolve(bytes);
        else reject(new Error(`${url} answered ${response.statusCode}`));
      });
    }).on('error', reject);
  });
}
