import { EVENTS, PODS } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { untilHealthy } from '@nodeagent/testbed/machine';
import { expect, it } from 'vitest';

import { isReady } from '../e2e/fixture.ts';
import { create, isNodeReady, type MachineFixture, webPod } from './fixture.ts';

const never = new AbortController().signal;
const FILES = ['cpu.max', 'cpu.weight', 'memory.max', 'pids.max'] as const;

const SMALL = { 'cpu.max': '13000 100000', 'memory.max': '67108864', 'pids.max': '500' };

export const slices = (lab: MachineFixture): void => {
  /** Limits of a slice, as the kernel has them; `systemctl` finds the slice by its name. */
  async function limitsOf(unit: string): Promise<Record<string, string>> {
    const node = lab.node('node1');
    const dir = `/sys/fs/cgroup$(systemctl show -P ControlGroup ${unit})`;
    const text = await node.sh(FILES.map((file) => `cat ${dir}/${file}`).join('; '));
    return Object.fromEntries(FILES.map((file, line) => [file, text.split('\n')[line] ?? '']));
  }

  async function podSlice(name: string): Promise<string> {
    const { metadata, status } = await lab.getPod(name);
    const above = status?.qosClass === 'Guaranteed' ? 'kubepods' : 'kubepods-burstable';
    return `${above}-pod${metadata?.uid?.replaceAll('-', '_')}.slice`;
  }

  async function reasons(): Promise<readonly (string | undefined)[]> {
    const { items } = await lab.client.list(EVENTS, { namespace: 'default' }, never);
    return items.map(({ reason }) => reason);
  }

  it('hold all pods to what the node can allocate, before it is said to be so', async () => {
    const node = lab.node('node1');
    await lab.waitForNode('node1', 'to be Ready', isNodeReady);
    const isSaid = async () => (await reasons()).includes('NodeAllocatableEnforced');
    await waitFor(isSaid, { what: 'the event NodeAllocatableEnforced', timeoutMs: 120_000 });
    const { capacity } = (await lab.waitForNode('node1', 'to be Ready', isNodeReady)).status ?? {};
    const bytes = (Number(/^(\d+)Ki$/.exec(capacity?.['memory'] ?? '')?.[1]) - 256 * 1024) * 1024;
    const most = await node.sh('cat /proc/sys/kernel/pid_max /proc/sys/kernel/threads-max');
    expect(await limitsOf('kubepods.slice')).toEqual({
      ...{ 'cpu.max': 'max 100000', 'memory.max': String(bytes) },
      'cpu.weight': '71', // 1,843 shares for 1,800m
      'pids.max': String(Math.min(...most.split('\n').filter(Boolean).map(Number))),
    });
    expect(await limitsOf('kubepods-besteffort.slice')).toMatchObject({ 'cpu.weight': '1' });
  });

  it('hold a pod to its limits, with the quota in systemd’s steps', async () => {
    const requests = { cpu: '100m', memory: '32Mi' };
    const resources = { requests, limits: { cpu: '123m', memory: '64Mi' } };
    await create(lab, PODS, webPod('small', 'node1', { resources }));
    await lab.waitForPod('small', 'to be ready', isReady);
    expect(await limitsOf(await podSlice('small'))).toEqual({ ...SMALL, 'cpu.weight': '4' });
    expect(await limitsOf('kubepods-burstable.slice')).toMatchObject({ 'cpu.weight': '4' });
  });

  it('hold it after systemd has read its units again, and was started anew', async () => {
    const node = lab.node('node1');
    const all = await limitsOf('kubepods.slice');
    await node.sh('systemctl daemon-reload');
    await node.sh('systemd-run --wait --slice=kubepods-burstable true');
    await node.sh('systemctl daemon-reexec');
    await node.sh('systemctl restart kubelet');
    await untilHealthy(node, 'kubelet');
    expect(await limitsOf(await podSlice('small'))).toMatchObject(SMALL);
    expect(await limitsOf('kubepods.slice')).toEqual(all);
    expect(await reasons()).not.toContain('CgroupLimitsDiffer');
  });
};
