import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { join } from 'node:path';

import { EVENTS, type Node, NODES } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { describe, expect, it } from 'vitest';

import { useCluster } from './fixture.ts';
import { aScript, createPod, isRunning, SERVES, waitForEvent } from './pods.ts';

/** Leases are renewed every ten seconds; the controllers of another API server may wait longer. */
const e2e = useCluster({}, { flags: { controllers: ['--node-grace=15'] } });
const never = new AbortController().signal;

function readiness({ status }: Node): string | undefined {
  return status?.conditions?.find(({ type }) => type === 'Ready')?.status;
}

const getNode = () => e2e.client.get(NODES, { name: e2e.cluster.nodeName }, never);

describe('a node', () => {
  it('registers with its addresses, capacity and runtime', async () => {
    const isNodeReady = async () => readiness(await getNode()) === 'True';
    await waitFor(isNodeReady, { what: 'the node to be Ready' });
    const { status } = await getNode();
    const { nodeIp } = e2e.cluster.space.network;
    expect(status?.addresses).toContainEqual({ type: 'InternalIP', address: nodeIp });
    expect(status?.nodeInfo?.containerRuntimeVersion).toMatch(/^containerd:\/\/\d/);
    expect(Number(status?.capacity?.['cpu'])).toBeGreaterThan(0);
    expect(status?.capacity?.['pods']).toBe('110');
  });

  it('reports its allocatable resources and cgroup v1 at its start', async () => {
    const told = async (): Promise<readonly string[]> => {
      const { items } = await e2e.client.list(EVENTS, { namespace: 'default' }, never);
      return items.map(({ type, reason, message }) => `${type} ${reason} ${message}`);
    };
    const text = 'Normal NodeAllocatableEnforced Updated Node Allocatable limit across pods';
    await waitFor(async () => (await told()).includes(text), { what: 'the event' });
    expect(await told()).toContain('Normal Starting Starting kubelet.');
    const isV2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
    const [file, dir] = isV2 ? ['memory.max', ''] : ['memory.limit_in_bytes', 'memory'];
    const path = join('/sys/fs/cgroup', dir, e2e.cluster.space.id, 'kubepods', file);
    const limit = Number(await readFile(path, 'utf8'));
    expect(limit).toBeGreaterThan(totalmem() - 2 ** 20); // nothing is reserved; whole pages
    expect(limit).toBeLessThanOrEqual(totalmem());
    const notices = (await told()).filter((line) => line.startsWith('Warning CgroupV1 '));
    expect(notices).toHaveLength(isV2 ? 0 : 1);
  });

  it('has the kernel settings that pods need', async () => {
    const valueOf = async (name: string): Promise<string> =>
      (await readFile(join(e2e.cluster.space.procSys, name), 'utf8')).trim();
    expect(await valueOf('vm/overcommit_memory')).toBe('1');
    expect(await valueOf('kernel/panic')).toBe('10');
    expect(await valueOf('kernel/panic_on_oops')).toBe('1');
  });

  it('has the chains of iptables that other components look for', async () => {
    const { space } = e2e.cluster;
    const rules = async (program: string, table: string): Promise<string> =>
      space.run([program, '-t', table, '-S']);
    const isMade = async () => (await rules('iptables', 'filter')).includes('KUBE-KUBELET-CANARY');
    await waitFor(isMade, { what: 'the canary chain' });
    expect(await rules('iptables', 'mangle')).toContain('-N KUBE-IPTABLES-HINT');
    expect(await rules('iptables', 'filter')).toContain('-A INPUT -j KUBE-FIREWALL');
    const isMadeToo = async () => (await rules('ip6tables', 'mangle')).includes('CANARY');
    await waitFor(isMadeToo, { what: 'the canary chain of IPv6' });
    expect(await rules('ip6tables', 'mangle')).toContain('-N KUBE-IPTABLES-HINT');
  });

  it('without a network is not ready, and starts only pods on the host’s network', async () => {
    const file = join(e2e.cluster.space.dir, 'cni/conf/10-testbed.conflist');
    const network = await readFile(file, 'utf8');
    const why = 'container runtime network not ready: NetworkReady=false';
    await rm(file);
    try {
      const isTold = async () =>
        (await getNode()).status?.conditions?.some(
          ({ type, status, message }) =>
            type === 'Ready' && status === 'False' && message?.includes(why),
        );
      await waitFor(isTold, { what: 'the node not to be Ready' });
      const containers = [aScript('app', SERVES)];
      await createPod(e2e, 'waits', { containers });
      const warning = { reason: 'NetworkNotReady', message: `network is not ready: ${why}` };
      expect(await waitForEvent(e2e, 'waits', warning)).toMatchObject({ type: 'Warning' });
      await createPod(e2e, 'needs-none', { hostNetwork: true, containers });
      await e2e.waitForPod('needs-none', 'to run', isRunning('app'));
      expect(isRunning('app')(await e2e.getPod('waits'))).toBe(false);
    } finally {
      await writeFile(file, network); // containerd does not notice a file that is moved there
    }
    await e2e.waitForPod('waits', 'to run', isRunning('app'));
    const isReady = async () => readiness(await getNode()) === 'True';
    await waitFor(isReady, { what: 'the node to be Ready again' });
  });

  it('becomes NotReady after its kubelet died, and Ready when it is back', async () => {
    await e2e.cluster.kubelet.kill9();
    const isUnknown = async () => readiness(await getNode()) === 'Unknown';
    await waitFor(isUnknown, { what: 'the node to be NotReady', timeoutMs: 90_000, everyMs: 500 });
    await e2e.cluster.kubelet.start();
    const isBack = async () => readiness(await getNode()) === 'True';
    await waitFor(isBack, { what: 'the node to be Ready again' });
  });
});
