import { type Node, PODS } from '@nodeagent/kube-client';
import { expect, it } from 'vitest';

import { configure, create, isNodeReady, type MachineFixture, webPod } from './fixture.ts';

/** Takes 32 MiB at a time: a dd that cannot write keeps its buffer. */
const FLOOD = 'while :; do dd if=/dev/zero bs=32M 2>/dev/null | sleep 1000 & sleep 0.3; done';
/** The machine has 2 GiB, of which the system itself uses less than a third. */
const EVICTION = {
  evictionHard: { 'memory.available': '1Gi' },
  evictionPressureTransitionPeriod: '5s',
};
const USUAL = {
  evictionHard: { 'memory.available': '100Mi' },
  evictionPressureTransitionPeriod: '5m',
};

export const memoryFlood = (lab: MachineFixture): void => {
  const isUnderPressure = ({ status }: Node): boolean =>
    status?.conditions?.find(({ type }) => type === 'MemoryPressure')?.status === 'True';

  it('evicts the pod that uses up the memory long before there is none left', async () => {
    const node = lab.node('node1');
    await configure(node, EVICTION);
    await lab.waitForNode('node1', 'to be Ready', isNodeReady);
    await create(lab, PODS, webPod('flood', 'node1', { command: ['sh', '-c', FLOOD] }));
    await lab.waitForNode('node1', 'to be under pressure', isUnderPressure);
    const { status } = await lab.waitForPod('flood', 'to fail', (pod) => {
      return pod.status?.phase === 'Failed';
    });
    expect(status).toMatchObject({
      reason: 'Evicted',
      message: expect.stringContaining('The node was low on resource: memory. ') as string,
    });
    // the pods' cgroup has never been full
    expect(await node.sh('cat /sys/fs/cgroup/kubepods.slice/memory.events.local')).toContain(
      '\nmax 0\n',
    );
    expect((await lab.getPod('web')).status?.phase).toBe('Running');
  });

  it('is without pressure afterwards', async () => {
    await lab.waitForNode('node1', 'to be without pressure', (node) => !isUnderPressure(node));
    await configure(lab.node('node1'), USUAL);
    await lab.waitForNode('node1', 'to be Ready', isNodeReady);
  });
};
