import { stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';

import { createCriClient } from '@nodeagent/cri-client/grpc';
import { type KubeClient, PODS } from '@nodeagent/kube-client';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import { type Cluster, waitFor } from '@nodeagent/testbed';

import type { Serving } from './file-server.ts';
import { cpuMs } from './memory.ts';
import { median } from './stats.ts';
import { FRAME_BYTES, type Transfer } from './stream-client.ts';

const CLIENT = resolve(import.meta.dirname, 'stream-client.ts');
const SERVER = resolve(import.meta.dirname, 'file-server.ts');
const MIB = 1024 * 1024;
const SESSION_BYTES = 512 * MIB;
const LOG_LINES = 1_000_000;
const REPEATS = 5;
const PORT = 10_250;
const IMAGE = 'nodeagent.test/busybox:1';
const { signal } = new AbortController();

/**
 * Measures logs and exec through the node API, as ratios to reading the log's file and to the
 * runtime's own streaming server, alternating on one machine. The cluster must not rotate logs of
 * this size.
 *
 * No server that answers over TLS can reach the speed of reading the file, because the client needs
 * longer to decrypt a log than to read its file. So the same file from a bare server is measured
 * too, and for each the sender's CPU time, which other work on the machine affects least.
 */
export async function benchStreams(cluster: Cluster, client: KubeClient): Promise<void> {
  const { runtime, close } = createCriClient({ endpoint: cluster.containerd.endpoint });
  try {
    const { id, log } = await startTalker(cluster, client, runtime);
    const credentials = await writeCredentials(cluster);
    const node = `https://${cluster.space.network.nodeIp}:${PORT}`;
    const via = (mode: Transfer['mode'], path: string, frames?: number): Transfer => {
      return {
        mode,
        url: `${node}${path}`,
        ...credentials,
        ...(frames !== undefined && { frames }),
      };
    };
    const exec = (query: string): string => `/exec/default/talker/main?${query}`;

    const counted = (await stat(log)).size; // each side reads the whole file
    const ours = async () => via('get', '/containerLogs/default/talker/main');
    await compare(cluster, `a log (TLS), and reading its file`, {
      ...{ ours, counted },
      limit: async () => ({ mode: 'file', url: log }),
    });
    const bare = await serveFile(cluster, log);
    await compare(cluster, 'a log (TLS), and its file from a bare server (TLS)', {
      ...{ ours, counted },
      limit: async () => ({ mode: 'get', url: bare.url }),
      limitPid: bare.pid,
    });
    await bare.stop();
    const zeros = ['sh', '-c', `dd if=/dev/zero bs=1M count=${SESSION_BYTES / MIB} 2>/dev/null`];
    const asked = (words: readonly string[]): string => {
      return words.map((word) => `command=${encodeURIComponent(word)}`).join('&');
    };
    const streams = { containerId: id, tty: false, stdout: true, stderr: false } as const;
    await compare(cluster, 'output of an exec (TLS), and from the runtime (no TLS)', {
      ours: async () => via('output', exec(`output=1&${asked(zeros)}`)),
      limit: async () => {
        const url = await runtime.exec({ ...streams, stdin: false, command: zeros }, signal);
        return { mode: 'output', url };
      },
    });
    const frames = SESSION_BYTES / FRAME_BYTES;
    const sink = ['sh', '-c', `head -c ${frames * (FRAME_BYTES - 1)} | wc -c`];
    await compare(cluster, 'input of an exec (TLS), and to the runtime (no TLS)', {
      ours: async () => via('input', exec(`input=1&output=1&${asked(sink)}`), frames),
      limit: async () => {
        const url = await runtime.exec({ ...streams, stdin: true, command: sink }, signal);
        return { mode: 'input', url, frames };
      },
    });
    await client.delete(PODS, { namespace: 'default', name: 'talker' }, {}, signal);
  } finally {
    close();
  }
}

interface Contest {
  readonly ours: () => Promise<Transfer>;
  readonly limit: () => Promise<Transfer>;
  /** The number of bytes that both sides count; when absent, the bytes on the connection. */
  readonly counted?: number;
  /** The process id of the program on the other side. */
  readonly limitPid?: number;
}

/** Alternating, so that a slow minute of the machine slows both. */
async function compare(cluster: Cluster, what: string, contest: Contest): Promise<void> {
  const rates = { ours: [] as number[], limit: [] as number[] };
  const cpuPerMib = { ours: [] as number[], limit: [] as number[] };
  const pids = { ours: cluster.kubelet.pid, limit: contest.limitPid };
  for (let i = 0; i < REPEATS; i += 1) {
    for (const who of ['limit', 'ours'] as const) {
      const transfer = await contest[who]();
      const argv = [process.execPath, CLIENT, JSON.stringify(transfer)];
      const pid = pids[who];
      const cpuBefore = pid === undefined ? 0 : await cpuMs(pid);
      const text = await cluster.space.run(argv, { timeoutMs: 120_000 });
      const { bytes, ms } = JSON.parse(text) as { bytes: number; ms: number };
      const mib = (contest.counted ?? bytes) / MIB;
      rates[who].push(mib / (ms / 1000));
      if (pid !== undefined) cpuPerMib[who].push(((await cpuMs(pid)) - cpuBefore) / mib);
    }
  }
  const [ours, limit] = [median(rates.ours), median(rates.limit)];
  const spent = (who: 'ours' | 'limit'): string => (median(cpuPerMib[who]) * 1024).toFixed(0);
  const beside = contest.limitPid === undefined ? '' : `, limit ${spent('limit')} ms`;
  console.log(
    `${what}: ${ours.toFixed(0)} MiB/s, limit ${limit.toFixed(0)} MiB/s, ratio ${(ours / limit).toFixed(2)}; ` +
      `CPU per GiB ${spent('ours')} ms${beside}`,
  );
}

/** A server that only sends this file over TLS. */
async function serveFile(cluster: Cluster, file: string) {
  const { space } = cluster;
  const { certFile, keyFile } = await writeCredentials(cluster);
  const port = 10_999;
  const serving: Serving = { file, host: space.network.nodeIp, port, certFile, keyFile };
  const argv = [process.execPath, SERVER, JSON.stringify(serving)];
  const program = await space.start('bare-file-server', argv);
  await waitFor(() => program.logTail().includes('ready'), { what: 'the bare server' });
  const url = `https://${space.network.nodeIp}:${port}/`;
  return { url, pid: program.pid, stop: () => program.stop() };
}

/** A pod that has written a long log and then waits. */
async function startTalker(
  cluster: Cluster,
  client: KubeClient,
  runtime: ReturnType<typeof createCriClient>['runtime'],
) {
  const text = 'the quick brown fox jumps over the lazy dog, and does it again and again and again';
  const script = `yes '${text}' | head -n ${LOG_LINES}; echo that is all; sleep 1000000`;
  const container = { name: 'main', image: IMAGE, imagePullPolicy: 'Never' };
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'talker', namespace: 'default' },
    spec: {
      nodeName: cluster.nodeName,
      terminationGracePeriodSeconds: 1,
      containers: [{ ...container, command: ['sh', '-c', script] }],
    },
  };
  await client.create(PODS, pod, signal);
  return waitFor(
    async () => {
      const labels = { 'io.kubernetes.pod.name': 'talker' };
      const [found] = await runtime.listContainers({ labels, state: 'running' }, signal);
      if (found === undefined) return undefined;
      const { id, logPath: log } = await runtime.containerStatus(found.id, signal);
      const end = await cluster.space.run(['tail', '-n', '1', log]);
      return end.includes('that is all') ? { id, log } : undefined;
    },
    { what: 'the long log', timeoutMs: 180_000, everyMs: 1000 },
  );
}

/** The administrator's certificate as files. */
export async function writeCredentials(
  cluster: Cluster,
): Promise<{ readonly certFile: string; readonly keyFile: string }> {
  const { user } = await loadKubeconfig({ path: cluster.kubeconfig });
  const { certificate, key } = user.clientCertificate ?? {};
  if (certificate?.kind !== 'inline' || key?.kind !== 'inline') {
    throw new Error('the administrator’s kubeconfig has no client certificate for the node');
  }
  const [certFile, keyFile] = [
    join(cluster.space.dir, 'admin.crt'),
    join(cluster.space.dir, 'admin.key'),
  ];
  await writeFile(certFile, certificate.text);
  await writeFile(keyFile, key.text, { mode: 0o600 });
  return { certFile, keyFile };
}
