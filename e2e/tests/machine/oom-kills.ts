import { PODS } from '@nodeagent/kube-client';
import { expect, it } from 'vitest';

import { aScript, statusOf } from '../e2e/pods.ts';
import { configure, create, isNodeReady, type MachineFixture, webPod } from './fixture.ts';

const never = new AbortController().signal;

/** On cgroup version 2 the kernel can end a whole container when it lacks memory for one process. */
export const oomKills = (lab: MachineFixture): void => {
  it.each([
    ['ends with all of its processes by default', false, 137],
    ['loses only that process with singleProcessOOMKill', true, 3],
  ])('a container that has no memory for a child %s', async (_, singleProcessOOMKill, exitCode) => {
    if (singleProcessOOMKill) await configure(lab.node('node1'), { singleProcessOOMKill });
    await lab.waitForNode('node1', 'to be Ready', isNodeReady);
    const name = `no-memory-${exitCode}`;
    const pod = webPod(name, 'node1');
    const resources = { limits: { memory: '24Mi' } };
    const main = aScript('main', 'tail /dev/zero; exit 3', { resources, volumeMounts: [] });
    const spec = { ...pod.spec, restartPolicy: 'Never', containers: [main] };
    await create(lab, PODS, { ...pod, spec });
    const ended = await lab.waitForPod(name, 'to fail', ({ status }) => status?.phase === 'Failed');
    expect(statusOf(ended, 'main')?.state?.terminated).toMatchObject({
      reason: 'OOMKilled',
      exitCode,
    });
    await lab.client.delete(PODS, { namespace: 'default', name }, {}, never);
  });
};
