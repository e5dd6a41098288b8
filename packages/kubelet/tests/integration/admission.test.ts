import { existsSync } from 'node:fs';
import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { parseQuantity, quantityToMilli } from '@nodeagent/base';
import { EVENTS, isKubeError, type Node, NODES, type Pod, PODS } from '@nodeagent/kube-client';
import { ifStarted, runCommand, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { NODE_NAME, type RealNode, type RunningKubelet, startRealNode } from './real-node.js';

const { signal } = new AbortController();

let node: RealNode;
let kubelet: RunningKubelet;

const getNode = (): Promise<Node> => node.user.get(NODES, { name: NODE_NAME }, signal);
/** On a machine with AppArmor, the tests for its absence do not apply. */
const config = {
  featureGates: { PodLevelResources: false, InPlacePodLevelResourcesVerticalScaling: false },
};

beforeAll(async () => {
  node = await startRealNode('kubelet-admission');
  kubelet = node.startKubelet({ config });
  const isReady = async () =>
    (await getNode()).status?.conditions?.some(
      ({ type, status }) => type === 'Ready' && status === 'True',
    );
  await waitFor(isReady, { what: 'the node to be ready' });
});

afterAll(async () => {
  await ifStarted(kubelet)?.stop();
  await ifStarted(node)?.stop();
});

type Spec = NonNullable<Pod['spec']>;

/** Later parts take precedence. */
function merged<T extends object>(parts: readonly T[]): T {
  return parts.reduce((all, part) => ({ ...all, ...part }));
}

/** Bound to the node by its creator, without a scheduler. */
function bound(name: string, spec: Partial<Spec> = {}, container: object = {}): Promise<Pod> {
  const containers = [{ name: 'web', image: 'nodeagent.test/web:1', ...container }];
  return node.user.create(
    PODS,
    {
      metadata: { name, namespace: 'default' },
      spec: { nodeName: NODE_NAME, terminationGracePeriodSeconds: 1, containers, ...spec },
    },
    signal,
  );
}

const get = (name: string): Promise<Pod> =>
  node.user.get(PODS, { namespace: 'default', name }, signal);

async function untilPhase(name: string, phase: string): Promise<NonNullable<Pod['status']>> {
  let last: Pod | undefined;
  const look = async () => {
    last = await get(name);
    return last.status?.phase === phase ? last.status : undefined;
  };
  return waitFor(look, { what: `pod ${name} to be ${phase}` }).catch((cause: unknown) => {
    throw new Error(`it is ${JSON.stringify(last?.status)}`, { cause });
  });
}

const eventsOf = async (name: string) => {
  const { items } = await node.user.list(EVENTS, { namespace: 'default' }, signal);
  return items
    .filter(({ involvedObject }) => involvedObject.name === name)
    .map(({ type, reason, message }) => ({ type, reason, message }));
};

const containersOf = async (name: string) => {
  const labels = { 'io.kubernetes.pod.name': name };
  return (await node.cri.runtime.listContainers({ labels }, signal)).map(({ id }) => id);
};

/** Failed with the reason, reported by an event, and never started. */
async function expectRefused(name: string, reason: string, message: string): Promise<void> {
  const status = await untilPhase(name, 'Failed');
  expect(status).toMatchObject({ reason, message: `Pod was rejected: ${message}` });
  expect(await containersOf(name)).toEqual([]);
  await waitFor(async () => (await eventsOf(name)).length > 0, { what: `an event of ${name}` });
  expect(await eventsOf(name)).toContainEqual({ type: 'Warning', reason, message });
}

describe('a pod that cannot run on this node', () => {
  it('requests more CPU than available: OutOfcpu', async () => {
    const { status } = await getNode();
    const capacity = quantityToMilli(parseQuantity(status?.allocatable?.['cpu'] ?? '') ?? 0n);
    await bound('big', {}, { resources: { requests: { cpu: '1000' } } });
    const text = `Node didn't have enough resource: cpu, requested: 1000000, used: 0, capacity: ${capacity}`;
    await expectRefused('big', 'OutOfcpu', text);
  });

  it('requires another operating system: NodeAffinity', async () => {
    await bound('elsewhere', { nodeSelector: { 'kubernetes.io/os': 'windows' } });
    const text = "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector";
    await expectRefused('elsewhere', 'NodeAffinity', text);
  });

  it('sets a forbidden kernel parameter: SysctlForbidden', async () => {
    const sysctls = [{ name: 'kernel.msgmax', value: '65536' }];
    await bound('tuned', { securityContext: { sysctls } });
    const text = 'forbidden sysctl: "kernel.msgmax" not allowlisted';
    await expectRefused('tuned', 'SysctlForbidden', text);
  });

  it('requires a host port that is in use: NodePorts', async () => {
    const ports = [{ containerPort: 18_080, hostPort: 18_080 }];
    await bound('first', {}, { ports });
    await untilPhase('first', 'Running');
    await bound('second', {}, { ports });
    const text =
      "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
    await expectRefused('second', 'NodePorts', text);
  });

  it('requires AppArmor on a machine without it: AppArmor', async () => {
    await bound('confined', { securityContext: { appArmorProfile: { type: 'RuntimeDefault' } } });
    const text = 'Cannot enforce AppArmor: AppArmor is not enabled on the host';
    await expectRefused('confined', 'AppArmor', text);
  });

  it('requires disabled features: PodFeatureUnsupported, PodLevelResourcesNotSupported', async () => {
    await bound('own-users', { hostNetwork: true, hostUsers: false });
    const text =
      'Pod requires node features that are not available: UserNamespacesHostNetworkSupport';
    await expectRefused('own-users', 'PodFeatureUnsupported', text);
    await bound('whole', { resources: { requests: { cpu: '10m' } } });
    const off = 'PodLevelResources feature gate is disabled';
    await expectRefused('whole', 'PodLevelResourcesNotSupported', off);
  });

  it('has more than one fault: the first check gives the reason', async () => {
    const sysctls = [{ name: 'kernel.msgmax', value: '65536' }];
    const appArmorProfile = { type: 'RuntimeDefault' };
    const faults: readonly (readonly [string, Partial<Spec>, object])[] = [
      ['SysctlForbidden', { securityContext: { sysctls } }, {}],
      ['PodOSNotSupported', { os: { name: 'windows' } }, {}],
      ['OutOfcpu', {}, { resources: { requests: { cpu: '1000' } } }],
      ['NodeAffinity', { nodeSelector: { 'kubernetes.io/os': 'windows' } }, {}],
      ['NodePorts', {}, { ports: [{ containerPort: 18_080, hostPort: 18_080 }] }],
      ['AppArmor', { securityContext: { appArmorProfile } }, {}],
      ['PodFeatureUnsupported', { hostNetwork: true, hostUsers: false }, {}],
    ];
    // Each pod lacks the earlier faults, and has all later ones.
    for (const [index, [reason]] of faults.entries()) {
      const rest = faults.slice(index);
      const securityContext = merged(rest.map(([, spec]) => spec.securityContext ?? {}));
      const spec = { ...merged(rest.map(([, each]) => each)), securityContext };
      const name = `faults-${index}`;
      await bound(name, spec, merged(rest.map(([, , container]) => container)));
      expect(await untilPhase(name, 'Failed')).toMatchObject({ reason });
    }
  });

  it('is refused for a changed label only if the API confirms it', async () => {
    const labelled = async (value: string | null) => {
      const body = { metadata: { labels: { disk: value } } };
      await node.user.patch(NODES, { name: NODE_NAME }, { type: 'merge', body }, signal);
    };
    await labelled('ssd');
    await bound('picky', { nodeSelector: { disk: 'ssd' } });
    await untilPhase('picky', 'Running');
    await labelled(null);
  });
});

describe('a critical pod on a full node', () => {
  it('runs, and a lower one is Failed with reason Preempting', async () => {
    const { status } = await getNode();
    const all = quantityToMilli(parseQuantity(status?.allocatable?.['cpu'] ?? '') ?? 0n);
    const asking = (milli: number) => ({ resources: { requests: { cpu: `${milli}m` } } });
    await bound('low', {}, asking(all - 100));
    await untilPhase('low', 'Running');
    await bound('high', { priorityClassName: 'system-node-critical' }, asking(200));
    await untilPhase('high', 'Running');
    const low = await untilPhase('low', 'Failed');
    const message = 'Preempted in order to admit critical pod';
    expect(low).toMatchObject({ reason: 'Preempting', message });
    expect(low.conditions).toContainEqual(
      expect.objectContaining({
        type: 'DisruptionTarget',
        status: 'True',
        reason: 'TerminationByKubelet',
      }),
    );
    await waitFor(
      async () => (await eventsOf('low')).some(({ reason }) => reason === 'Preempting'),
      { what: 'the event Preempting' },
    );
  });
});

describe('activeDeadlineSeconds', () => {
  const message = 'Pod was active on the node longer than the specified deadline';

  it('ends a pod that is active for too long', async () => {
    await bound('brief', { activeDeadlineSeconds: 2 });
    const status = await untilPhase('brief', 'Failed');
    expect(status).toMatchObject({ reason: 'DeadlineExceeded', message });
    const filter = { labels: { 'io.kubernetes.pod.name': 'brief' }, state: 'running' } as const;
    expect(await node.cri.runtime.listContainers(filter, signal)).toEqual([]);
    await waitFor(
      async () => (await eventsOf('brief')).some(({ reason }) => reason === 'DeadlineExceeded'),
      { what: 'the event DeadlineExceeded' },
    );
  });

  it('may be set on a running pod', async () => {
    await bound('long');
    await untilPhase('long', 'Running');
    const body = { spec: { activeDeadlineSeconds: 1 } };
    const name = { namespace: 'default', name: 'long' };
    await node.user.patch(PODS, name, { type: 'merge', body }, signal);
    expect(await untilPhase('long', 'Failed')).toMatchObject({ reason: 'DeadlineExceeded' });
  });
});

describe('a restart of the kubelet', () => {
  it('leaves a refused pod refused, and a running one running', async () => {
    const before = await containersOf('high');
    await kubelet.stop();
    kubelet = node.startKubelet({ config });
    await bound('proof');
    await untilPhase('proof', 'Running');
    expect((await get('big')).status?.reason).toBe('OutOfcpu');
    expect(await containersOf('high')).toEqual(before);
  });
});

describe('a pod deleted by force', () => {
  it('is killed and cleaned up without a final status', async () => {
    const command = ['sh', '-c', "trap '' TERM; while true; do sleep 1; done"];
    const slow = { image: 'nodeagent.test/busybox:1', command };
    const pod = await bound('forced', { terminationGracePeriodSeconds: 600 }, slow);
    const uid = pod.metadata?.uid ?? '';
    await untilPhase('forced', 'Running');
    const name = { namespace: 'default', name: 'forced' };
    await node.user.delete(PODS, name, { gracePeriodSeconds: 0 }, signal);
    const answer = await get('forced').catch((error: unknown) => error);
    expect(isKubeError(answer, 'KUBE_NOT_FOUND')).toBe(true);
    const isGone = async () => (await containersOf('forced')).length === 0;
    await waitFor(isGone, { what: 'the containers of the pod to be gone' });
    const { dir } = node.containerd.space;
    const left = async () =>
      [
        ...(await readdir(join(dir, 'kubelet/pods'))),
        ...(await readdir(join(dir, 'logs/pods'))),
      ].filter((name) => name.endsWith(uid));
    await waitFor(async () => (await left()).length === 0, { what: 'its directories to be gone' });
  });
});

describe('the remains of pods that are in no source', () => {
  it('are removed: directories, mounts, logs and links, but no files of others', async () => {
    const { dir } = node.containerd.space;
    const uid = '11111111-2222-3333-4444-555555555555';
    const volume = join(dir, `kubelet/pods/${uid}/volumes/kubernetes.io~empty-dir/v`);
    await mkdir(volume, { recursive: true });
    await writeFile(join(volume, 'file'), 'text');
    const mounted = join(dir, `kubelet/pods/${uid}/volumes/kubernetes.io~secret/s`);
    await mkdir(mounted, { recursive: true });
    await runCommand(['mount', '-t', 'tmpfs', 'tmpfs', mounted]);
    const logs = join(dir, `logs/pods/default_lost_${uid}`);
    await mkdir(join(logs, 'web'), { recursive: true });
    await writeFile(join(logs, 'web/0.log'), 'line');
    const link = join(dir, 'logs/containers/lost_default_web-0123.log');
    await symlink(join(logs, 'web/0.log'), link);
    const foreign = join(dir, 'logs/pods/of-somebody-else');
    await mkdir(foreign);
    const left = (): string[] =>
      [volume, mounted, dirname(dirname(dirname(volume))), logs].filter((path) => existsSync(path));
    await waitFor(() => left().length === 0, { what: 'what is left of the lost pod to go' });
    const links = await readdir(join(dir, 'logs/containers'));
    expect(links).not.toContain('lost_default_web-0123.log');
    expect(existsSync(foreign)).toBe(true);
  });
});

describe('a taint that drives pods away', () => {
  it('refuses pods that do not tolerate it: TaintToleration', async () => {
    const taints = [{ key: 'broken', effect: 'NoExecute' }];
    const body = { spec: { taints } };
    await node.user.patch(NODES, { name: NODE_NAME }, { type: 'merge', body }, signal);
    await waitFor(() => kubelet.node()?.spec?.taints?.some(({ key }) => key === 'broken'), {
      what: 'the kubelet to know of the taint',
    });
    await bound('driven');
    // The controller that evicts pods by taints deletes it too, sooner or later; the event stays.
    const told = {
      type: 'Warning',
      reason: 'TaintToleration',
      message: "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
    };
    await waitFor(async () => (await eventsOf('driven')).length > 0, { what: 'its event' });
    expect(await eventsOf('driven')).toContainEqual(told);
    expect(await containersOf('driven')).toEqual([]);
    await bound('tolerant', { tolerations: [{ key: 'broken', operator: 'Exists' }] });
    await untilPhase('tolerant', 'Running');
  });
});
