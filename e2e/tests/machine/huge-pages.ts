import { PODS } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { untilHealthy } from '@nodeagent/testbed/machine';
import { expect, it } from 'vitest';

import { isReady } from '../e2e/fixture.ts';
import { aScript } from '../e2e/pods.ts';
import { create, type MachineFixture, webPod } from './fixture.ts';

const never = new AbortController().signal;
const MIB = 2 ** 20;
const amounts = (memory: string) => ({ cpu: '50m', memory, 'hugepages-2Mi': '8Mi' });
const resourcesWith = (memory: string) => ({ requests: amounts(memory), limits: amounts(memory) });
/** Takes all that the pod may have, and fails for the rest. */
const TAKES_TOO_MUCH = 'fallocate -l 16777216 /pages/file && exit 1';

export const hugePages = (lab: MachineFixture): void => {
  /** Both limits and the use, in bytes, as the kernel has them. */
  async function pagesOf(slice: string): Promise<readonly string[]> {
    const dir = `/sys/fs/cgroup$(systemctl show -P ControlGroup ${slice})`;
    const files = ['max', 'rsvd.max', 'current'].map((file) => `${dir}/hugetlb.2MB.${file}`);
    return (await lab.node('node1').sh(`cat ${files.join(' ')}`)).trim().split('\n');
  }

  it('are a pod’s as it requests them, and no one else’s, also after a resize', async () => {
    const node = lab.node('node1');
    await node.sh('sysctl vm.nr_hugepages=16; systemctl restart kubelet');
    await untilHealthy(node, 'kubelet');
    await lab.waitForNode('node1', 'to have huge pages', ({ status }) => {
      return status?.allocatable?.['hugepages-2Mi'] === '32Mi';
    });
    const pod = webPod('huge', 'node1');
    const main = aScript('main', `${TAKES_TOO_MUCH}; trap exit TERM; sleep 9999 & wait $!`, {
      resources: resourcesWith('64Mi'),
      volumeMounts: [{ name: 'pages', mountPath: '/pages' }],
    });
    const volumes = [{ name: 'pages', emptyDir: { medium: 'HugePages' } }];
    const resizePolicy = [{ resourceName: 'memory', restartPolicy: 'NotRequired' }];
    const spec = { ...pod.spec, containers: [{ ...main, resizePolicy }], volumes };
    await create(lab, PODS, { ...pod, spec });
    const { metadata } = await lab.waitForPod('huge', 'to be ready', isReady);
    const slice = `kubepods-pod${metadata?.uid?.replaceAll('-', '_')}.slice`;
    const all = String(8 * MIB);
    const isFull = async () => (await pagesOf(slice)).at(-1) === all;
    await waitFor(isFull, { what: 'the pod to use what it may have' });
    expect(await pagesOf(slice)).toEqual([all, all, all]);
    expect(await pagesOf('kubepods.slice')).toEqual(['max', 'max', all]);
    expect(await pagesOf('kubepods-burstable.slice')).toEqual(['max', 'max', '0']);
    await create(lab, PODS, webPod('plain', 'node1'));
    const plain = await lab.waitForPod('plain', 'to be ready', isReady);
    const uid = plain.metadata?.uid?.replaceAll('-', '_');
    expect(await pagesOf(`kubepods-besteffort-pod${uid}.slice`)).toEqual(['0', '0', '0']);

    const body = { spec: { containers: [{ name: 'main', resources: resourcesWith('96Mi') }] } };
    const patch = { type: 'strategic-merge', body, subresource: 'resize' } as const;
    await lab.client.patch(PODS, { namespace: 'default', name: 'huge' }, patch, never);
    await lab.waitForPod('huge', 'to be resized', (seen) => {
      const [has] = seen.status?.containerStatuses ?? [];
      return has?.resources?.limits?.['memory'] === '96Mi';
    });
    const dir = `/sys/fs/cgroup$(systemctl show -P ControlGroup ${slice})`;
    expect(await node.sh(`cat ${dir}/memory.max`)).toBe(`${96 * MIB}\n`);
    expect(await pagesOf(slice)).toEqual([all, all, all]);
    expect((await lab.getPod('huge')).status?.containerStatuses?.[0]?.restartCount).toBe(0);
    for (const name of ['huge', 'plain']) {
      await lab.client.delete(PODS, { namespace: 'default', name }, {}, never);
    }
  });
};
