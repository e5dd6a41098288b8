import { isKubeError, PODS } from '@nodeagent/kube-client';
import { loadKubeconfig } from '@nodeagent/kube-client/kubeconfig';
import { waitFor } from '@nodeagent/testbed';
import { describe, expect, it } from 'vitest';

import { isReady, useCluster } from './fixture.ts';

const e2e = useCluster();
const never = new AbortController().signal;

/** Far less than the kernel retransmits for (15 minutes), far more than any agent's patience. */
const PATIENCE_MS = 200_000;

/** Local ports of a program's connections to the API server. */
async function portsOf(pid: number, apiPort: string): Promise<readonly string[]> {
  const table = await e2e.cluster.space.run(['ss', '-Htnp', 'state', 'established']);
  return table.split('\n').flatMap((line) => {
    const [, , local = '', peer = ''] = line.trim().split(/\s+/);
    const isTheirs = line.includes(`pid=${pid},`) && peer.endsWith(`:${apiPort}`);
    return isTheirs ? [local.slice(local.lastIndexOf(':') + 1)] : [];
  });
}

/** Loses every packet of these connections for good, in both directions; others are not touched. */
async function drop(ports: readonly string[], apiPort: string): Promise<void> {
  const { space } = e2e.cluster;
  for (const port of ports) {
    for (const [from, to] of [
      [port, apiPort],
      [apiPort, port],
    ]) {
      for (const chain of ['INPUT', 'OUTPUT']) {
        const ends = ['-p', 'tcp', '--sport', String(from), '--dport', String(to)];
        await space.run(['iptables', '-I', chain, ...ends, '-j', 'DROP']);
      }
    }
  }
}

describe('connections to the API server whose packets are lost without a word', () => {
  it('are given up by both agents, which go on over new ones', { timeout: 600_000 }, async () => {
    const { cluster, namespace } = e2e;
    const { server } = await loadKubeconfig({ path: cluster.kubeconfig });
    const apiPort = new URL(server).port;
    const container = {};
    await e2e.createPod({ name: 'before', container });
    await e2e.waitForPod('before', 'to be ready', isReady);
    const agents = [cluster.kubelet, cluster.proxy];
    const lost = (await Promise.all(agents.map(({ pid }) => portsOf(pid, apiPort)))) as string[][];
    for (const ports of lost) expect(ports.length).toBeGreaterThan(0);
    await drop(lost.flat(), apiPort);

    await e2e.client.delete(PODS, { namespace, name: 'before' }, {}, never);
    await e2e.createPod({ name: 'after', labels: { app: 'after' }, container });
    const service = await e2e.createService('after', 8080);
    const isServed = async () => {
      const ip = service.spec?.clusterIP ?? '';
      return (await cluster.get(`http://${ip}/`).catch(() => '')) !== '' || undefined;
    };
    await waitFor(async () => isReady(await e2e.getPod('after')) || undefined, {
      what: 'the kubelet to have heard of a new pod',
      timeoutMs: PATIENCE_MS,
    });
    await waitFor(isServed, {
      what: 'kube-proxy to have heard of a new Service',
      timeoutMs: PATIENCE_MS,
    });
    const isGone = () =>
      e2e.getPod('before').then(
        () => undefined,
        (error: unknown) => isKubeError(error, 'KUBE_NOT_FOUND') || undefined,
      );
    await waitFor(isGone, { what: 'the deleted pod to be gone', timeoutMs: PATIENCE_MS });
    for (const [i, { pid }] of agents.entries()) {
      const now = await portsOf(pid, apiPort);
      expect(now.filter((port) => lost[i]?.includes(port))).toEqual([]);
    }
    cluster.assertRunning();
  });
});
