import { EVENTS, PODS } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { expect, it } from 'vitest';

import { isReady, mainContainer } from '../e2e/fixture.ts';
import { configure, create, isNodeReady, type MachineFixture, SLOW_MS, webPod } from './fixture.ts';

const never = new AbortController().signal;
const MIB = 2 ** 20;
const PAGE = 4096;
const REFUSAL = 'running with swap on is not supported, and /swap is in use';

export const swap = (lab: MachineFixture): void => {
  const journalHas = (text: string) => async () =>
    (await lab.node('node1').sh('journalctl -b -u kubelet -o cat')).includes(text);

  /** Bytes of swap that the kernel lets a pod's only container have. */
  async function swapOf(name: string, resources: object): Promise<number> {
    await create(lab, PODS, webPod(name, 'node1', { resources }));
    const { id } = mainContainer(await lab.waitForPod(name, 'to be ready', isReady));
    const files = `/sys/fs/cgroup/kubepods.slice/*/*/cri-containerd-${id}.scope/memory.swap.max`;
    const bytes = Number(await lab.node('node1').sh(`cat ${files}`));
    await lab.client.delete(PODS, { namespace: 'default', name }, {}, never);
    return bytes;
  }

  it('is refused unless failSwapOn is false', async () => {
    const node = lab.node('node1');
    await node.sh('fallocate -l 128M /swap; chmod 600 /swap; mkswap /swap; swapon /swap');
    await node.try('systemctl restart kubelet');
    await waitFor(journalHas(REFUSAL), { what: 'the kubelet to refuse', timeoutMs: SLOW_MS });
  });

  it('is shared by memory requests under LimitedSwap, and the risk for secrets is reported', async () => {
    const node = lab.node('node1');
    const memorySwap = { swapBehavior: 'LimitedSwap' };
    await configure(node, { failSwapOn: false, memorySwap });
    await lab.waitForNode('node1', 'to be Ready', isNodeReady);
    const text = await node.sh('cat /proc/meminfo');
    const kib = (name: string): number =>
      Number(new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text)?.[1]);
    const share = (64 * MIB * kib('SwapTotal')) / kib('MemTotal');
    const burstable = { requests: { memory: '64Mi' }, limits: { memory: '128Mi' } };
    expect(await swapOf('swaps', burstable)).toBe(Math.floor(share / PAGE) * PAGE);
    expect(await swapOf('swaps-not', { limits: { memory: '64Mi' } })).toBe(0);
    const { items } = await lab.client.list(EVENTS, { namespace: 'default' }, never);
    const isOld = (await node.try('unshare -m mount -t tmpfs -o noswap tmpfs /mnt')).exitCode !== 0;
    const reasons = items.map(({ reason }) => reason);
    expect(reasons.includes('PossibleMemoryBackedVolumesOnDisk')).toBe(isOld);
  });

  it('is not there afterwards', async () => {
    const node = lab.node('node1');
    await node.sh('swapoff /swap; rm /swap');
    await configure(node, { failSwapOn: true, memorySwap: {} });
    await lab.waitForNode('node1', 'to be Ready', isNodeReady);
  });
};
