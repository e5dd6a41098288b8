import { readFile } from 'node:fs/promises';
import { Agent, get } from 'node:https';

import { type Cluster } from '@nodeagent/testbed';

import { opensDuring, preciseCpuMs, readCalls, rssMib } from './memory.ts';
import { writeCredentials } from './node-streams.ts';
import { median } from './stats.ts';

const PORT = 10_250;
const WARM_UP = 3;
const REPEATS = 30;
const PAUSE_MS = 100;
const PAGES = ['/metrics/cadvisor', '/stats/summary', '/metrics/resource', '/metrics'];

/**
 * Measures the kubelet's CPU time, reads and opened files for each page of statistics, over one connection as a scraper
 * uses it. It takes the median, because other work falls into some of the requests.
 */
export async function benchPages(cluster: Cluster, pods: number): Promise<void> {
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
    for (const path of PAGES) {
      for (let i = 0; i < WARM_UP; i += 1) await download(agent, node + path);
      const eachMs: number[] = [];
      const eachReads: number[] = [];
      let bytes = 0;
      for (let i = 0; i < REPEATS; i += 1) {
        await rest(PAUSE_MS);
        const [before, readsBefore] = [await preciseCpuMs(pid), await readCalls(pid)];
        bytes = await download(agent, node + path);
        eachMs.push((await preciseCpuMs(pid)) - before);
        eachReads.push((await readCalls(pid)) - readsBefore);
      }
      const opens = await opensDuring(pid, () => download(agent, node + path));
      console.log(
        `${path} with ${pods} pods: p50 ${median(eachMs).toFixed(1)} ms of CPU, ${median(eachReads)} reads, ${opens ?? 'unknown'} files opened, ${(bytes / 1024).toFixed(0)} KiB; ` +
          `kubelet ${(await rssMib(pid)).toFixed(0)} MiB`,
      );
    }
  } finally {
    agent.destroy();
  }
}

function rest(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** @returns the length of the body */
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
