import { EVENTS, type Pod, PODS } from '@nodeagent/kube-client';
import { waitFor } from '@nodeagent/testbed';
import { untilHealthy } from '@nodeagent/testbed/machine';
import { expect, it } from 'vitest';

import { isReady } from '../e2e/fixture.ts';
import { create, isNodeReady, type MachineFixture, webPod } from './fixture.ts';

const never = new AbortController().signal;
const FILES = ['cpu.max', 'cpu.weight', 'memory.max', 'pids.max'] as const;

const SMALL = { 'cpu.max': '13000 100000', 'memory.max': '67108864', 'pids.max': '500' };

type Container = Readonly<{ cpu?: string; memory?: string; isSidecar?: true }>;

interface Limited {
  readonly name: string;
  /** Requests only, requests that are limits too, or neither. */
  readonly kind: 'requests' | 'limits' | 'none';
  readonly init?: readonly Container[];
  readonly main: readonly Container[];
  /** cpu.max, cpu.weight, memory.max and pids.max of the pod's slice. */
  readonly want: readonly [string, string, string, string];
}

/** @see Kubernetes 1.36 pkg/kubelet/cm/helpers_linux.go, ResourceConfigForPod */
const LIMITED: readonly Limited[] = [
  { name: 'nothing', kind: 'none', main: [{}], want: ['max 100000', '1', 'max', '500'] },
  {
    ...{ name: 'requests', kind: 'requests' },
    main: [{ cpu: '300m', memory: '32Mi' }, { cpu: '100m' }],
    want: ['max 100000', '16', 'max', '500'], // 409 shares
  },
  {
    ...{ name: 'limits', kind: 'limits' },
    main: [{ cpu: '250m', memory: '64Mi' }],
    want: ['25000 100000', '10', '67108864', '500'], // 256 shares
  },
  {
    ...{ name: 'one-limit', kind: 'limits' },
    main: [{ cpu: '100m', memory: '32Mi' }, { memory: '32Mi' }],
    want: ['max 100000', '4', '67108864', '500'], // every container has a limit only of memory
  },
  {
    ...{ name: 'large-init', kind: 'limits' },
    init: [{ cpu: '300m', memory: '96Mi' }],
    main: [{ cpu: '100m', memory: '64Mi' }],
    want: ['30000 100000', '12', '100663296', '500'], // 307 shares
  },
  {
    ...{ name: 'sidecar', kind: 'limits' },
    init: [{ cpu: '50m', memory: '32Mi', isSidecar: true }],
    main: [{ cpu: '100m', memory: '64Mi' }],
    want: ['15000 100000', '6', '100663296', '500'], // 153 shares
  },
];

function limitedPod({ name, kind, init = [], main }: Limited): Pod {
  const pod = webPod(name, 'node1');
  const image = { image: 'nodeagent.test/busybox:1', imagePullPolicy: 'Never' };
  const resourcesOf = ({ cpu, memory }: Container): object =>
    kind === 'none' ? {} : { resources: { [kind]: { cpu, memory } } };
  const waiting = { ...image, command: ['sh', '-c', 'trap exit TERM; sleep 9999 & wait $!'] };
  return {
    ...pod,
    spec: {
      ...pod.spec,
      initContainers: init.map((one, at) => ({
        ...(one.isSidecar ? { ...waiting, restartPolicy: 'Always' } : image),
        ...{ name: `init-${at}`, ...resourcesOf(one) },
        ...(one.isSidecar ? {} : { command: ['true'] }),
      })),
      containers: main.map((one, at) => ({ ...waiting, name: `main-${at}`, ...resourcesOf(one) })),
    },
  };
}

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
    const qos = status?.qosClass ?? '';
    const above = qos === 'Guaranteed' ? 'kubepods' : `kubepods-${qos.toLowerCase()}`;
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

  it('hold every kind of pod to its own numbers, before and after a reload', async () => {
    const node = lab.node('node1');
    for (const limited of LIMITED) await create(lab, PODS, limitedPod(limited));
    const names = LIMITED.map(({ name }) => name);
    for (const name of names) await lab.waitForPod(name, 'to be ready', isReady);
    const read = async (): Promise<Record<string, readonly string[]>> => {
      const rows: [string, readonly string[]][] = [];
      for (const name of names) {
        rows.push([name, Object.values(await limitsOf(await podSlice(name)))]);
      }
      return Object.fromEntries(rows);
    };
    const want = Object.fromEntries(LIMITED.map((limited) => [limited.name, limited.want]));
    expect(await read()).toEqual(want);
    // shares of 100m (small), 400m (requests) and 100m (one-limit)
    expect(await limitsOf('kubepods-burstable.slice')).toMatchObject({ 'cpu.weight': '24' });
    await node.sh('systemctl daemon-reload');
    expect(await read()).toEqual(want);
    expect(await reasons()).not.toContain('CgroupLimitsDiffer');
    for (const name of names) {
      await lab.client.delete(PODS, { namespace: 'default', name }, {}, never);
    }
  });
};
