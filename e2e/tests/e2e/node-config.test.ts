import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { isKubeError, NODES, type Pod, PODS } from '@nodeagent/kube-client';
import { ifStarted, type TestProcess, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { isReady, mainContainer, useCluster } from './fixture.ts';
import {
  aScript,
  conditionOf,
  createPod,
  deletePod,
  eventsOf,
  hasPhase,
  isGone,
  isRunning,
  ledgerOf,
  SERVES,
  statusOf,
  waitForEvent,
} from './pods.ts';
import { guaranteed, isGiven, resize } from './resizes.ts';

const MANIFESTS_PORT = 5200;
const REGISTRY_PORTS = [5201, 5202, 5203] as const;

const OWN_TAINT = { key: 'nodeagent.test/own', value: 'yes', effect: 'NoSchedule' };

/** Effects of special configurations of a node, on one node. */
const e2e = useCluster(
  {
    featureGates: {
      RestartAllContainersOnContainerExits: false,
      InPlacePodLevelResourcesVerticalScaling: false,
    },
    cpuManagerPolicy: 'static',
    systemReserved: { cpu: '100m' },
    registerWithTaints: [OWN_TAINT],
    serializeImagePulls: false,
    maxParallelImagePulls: 2,
    registryPullQPS: 1,
    registryBurst: 3,
    staticPodURL: `http://127.0.0.1:${MANIFESTS_PORT}/pods`,
    httpCheckFrequency: '200ms',
  },
  {
    images: ['busybox'],
    cuttable: true,
    flags: { kubelet: ['--node-labels=nodeagent.test/rack=r1'] },
  },
);
const never = new AbortController().signal;
let servers: TestProcess;

/** Serves a file of manifests, and registries that never answer but report their clients. */
beforeAll(async () => {
  const { space } = e2e.cluster;
  await serve();
  const file = JSON.stringify(join(space.dir, 'manifests.json'));
  const script = [
    `require('http').createServer((_, answer) => answer.end(require('fs').readFileSync(${file})))`,
    `.listen(${MANIFESTS_PORT}, '127.0.0.1');`,
    `for (const port of ${JSON.stringify(REGISTRY_PORTS)}) require('net')`,
    '.createServer(() => console.log(`came to ${port}`)).listen(port);',
  ];
  servers = await space.start('servers', [process.execPath, '-e', script.join('')]);
});
afterAll(() => ifStarted(servers)?.stop());

async function serve(...items: readonly object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'PodList', items };
  await writeFile(join(e2e.cluster.space.dir, 'manifests.json'), JSON.stringify(list));
}

describe('parallel image pulls', () => {
  it('are limited in number; the next starts when one is given up', async () => {
    const came = (port: number): boolean => servers.logTail().includes(`came to ${port}`);
    const [first, second, third] = REGISTRY_PORTS;
    const pull = async (port: number): Promise<void> => {
      const image = `127.0.0.1:${port}/never:1`;
      const container = aScript('app', SERVES, { image, imagePullPolicy: 'Always' });
      await createPod(e2e, `pulls-${port}`, { containers: [container] });
      await waitForEvent(e2e, `pulls-${port}`, { reason: 'Pulling', message: image });
    };
    await pull(first);
    await waitFor(() => came(first), { what: 'the first image to be asked for' });
    await pull(second);
    await waitFor(() => came(second), { what: 'the second image to be asked for beside it' });
    await pull(third);
    await createPod(e2e, 'meanwhile', { containers: [aScript('app', SERVES)] });
    await e2e.waitForPod('meanwhile', 'to run', isRunning('app'));
    expect(came(third)).toBe(false);
    await deletePod(e2e, `pulls-${first}`, 0);
    await waitFor(() => came(third), { what: 'the third image to be asked for' });
    for (const port of [second, third]) await deletePod(e2e, `pulls-${port}`, 0);
  });
});

describe('too frequent image pulls', () => {
  it('are refused: pull QPS exceeded', async () => {
    const containers = Array.from({ length: 12 }, (_, i) => {
      const image = `127.0.0.1:1/none-${i}:1`; // nothing listens: each attempt is short
      return aScript(`c${i}`, SERVES, { image, imagePullPolicy: 'Always' });
    });
    await createPod(e2e, 'too-often', { containers });
    const pod = await e2e.waitForPod('too-often', 'to be held back', ({ status }) => {
      const waiting = status?.containerStatuses?.map(({ state }) => state?.waiting) ?? [];
      return waiting.some((why) => why?.message === 'pull QPS exceeded');
    });
    const held = pod.status?.containerStatuses?.find(
      ({ state }) => state?.waiting?.message === 'pull QPS exceeded',
    );
    expect(held?.state?.waiting?.reason).toBe('ErrImagePull');
    await deletePod(e2e, 'too-often', 0);
  });
});

describe('a node that assigns whole CPUs', () => {
  it('never resizes the CPUs of a guaranteed pod, and reports it: Infeasible', async () => {
    const resources = guaranteed('100m', '32Mi');
    await createPod(e2e, 'whole', { containers: [aScript('app', SERVES, { resources })] });
    const before = await e2e.waitForPod('whole', 'to run', isRunning('app'));
    await resize(e2e, 'whole', 'app', guaranteed('200m', '32Mi'));
    const refused = await e2e.waitForPod('whole', 'to be refused', (pod) => {
      return conditionOf(pod, 'PodResizePending') === 'True Infeasible';
    });
    const message =
      'Resize is infeasible for Guaranteed Pods alongside CPU Manager policy "static"';
    expect(refused.status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'PodResizePending', message }),
    );
    await waitForEvent(e2e, 'whole', {
      reason: 'ResizeInfeasible',
      message: 'Pod resize Infeasible: ',
    });
    const { containerID } = statusOf(before, 'app') ?? {};
    expect(statusOf(refused, 'app')).toMatchObject({
      containerID,
      allocatedResources: { cpu: '100m' },
    });
    // Memory alone may change.
    await resize(e2e, 'whole', 'app', guaranteed('100m', '64Mi'));
    const given = { cpu: '100m', memory: '64Mi' };
    const after = await e2e.waitForPod('whole', 'to have more memory', isGiven('app', given));
    expect(statusOf(after, 'app')).toMatchObject({ containerID, restartCount: 0 });
  });

  it("defers a request for all of the node's CPU while other pods use some: Deferred", async () => {
    const { status } = await e2e.client.get(NODES, { name: e2e.cluster.nodeName }, never);
    await createPod(e2e, 'huge', {
      containers: [aScript('app', SERVES, { resources: { requests: { cpu: '100m' } } })],
    });
    await e2e.waitForPod('huge', 'to run', isRunning('app'));
    await resize(e2e, 'huge', 'app', { requests: { cpu: status?.allocatable?.['cpu'] } });
    const refused = await e2e.waitForPod('huge', 'to be put off', (pod) => {
      return conditionOf(pod, 'PodResizePending') !== '';
    });
    expect(conditionOf(refused, 'PodResizePending')).toBe('True Deferred');
    await waitForEvent(e2e, 'huge', { reason: 'ResizeDeferred', message: 'OutOfcpu' });
  });
});

describe('the object of a node', () => {
  const name = () => ({ name: e2e.cluster.nodeName });
  const getNode = () => e2e.client.get(NODES, name(), never);
  const patchNode = (body: object) =>
    e2e.client.patch(NODES, name(), { type: 'merge', body }, never);
  const OS = 'kubernetes.io/os';

  it('reports the node’s properties, capacity and allocatable', async () => {
    const { metadata, spec, status } = await getNode();
    const arch = status?.nodeInfo?.architecture;
    expect(metadata?.labels).toMatchObject({
      'kubernetes.io/hostname': e2e.cluster.nodeName,
      ...{ 'kubernetes.io/os': 'linux', 'beta.kubernetes.io/os': 'linux' },
      ...{ 'kubernetes.io/arch': arch, 'beta.kubernetes.io/arch': arch },
      'nodeagent.test/rack': 'r1',
    });
    expect(metadata?.annotations).toMatchObject({
      'volumes.kubernetes.io/controller-managed-attach-detach': 'true',
    });
    expect(spec?.taints).toContainEqual(OWN_TAINT);
    const { capacity = {}, allocatable = {} } = status ?? {};
    const hugePages = Object.keys(capacity).filter((key) => key.startsWith('hugepages-'));
    const setAside = hugePages.reduce((sum, key) => sum + amountOf(capacity[key]), 0);
    const evictionKeeps = 100 * 2 ** 20; // memory.available, by default
    expect(amountOf(allocatable['cpu'])).toBeCloseTo(amountOf(capacity['cpu']) - 0.1);
    expect(amountOf(allocatable['memory'])).toBe(
      amountOf(capacity['memory']) - evictionKeeps - setAside,
    );
  });

  it('lists the present images, the largest first', async () => {
    const listed = async () => {
      const images = (await getNode()).status?.images ?? [];
      const hasIt = images.some(({ names }) => names?.includes('nodeagent.test/busybox:1'));
      return hasIt ? images : undefined;
    };
    const images = await waitFor(listed, { what: 'the image to be listed' });
    const sizes = images.map(({ sizeBytes = 0 }) => sizeBytes);
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
    expect(sizes.at(-1)).toBeGreaterThan(0);
  });

  it('keeps other writers’ labels, and corrects those of the machine', async () => {
    const own = { key: 'nodeagent.test/other', effect: 'PreferNoSchedule' };
    const labels = { 'nodeagent.test/mine': 'yes', [OS]: 'plan9' };
    await patchNode({ metadata: { labels }, spec: { taints: [own] } });
    const isMended = async () => (await getNode()).metadata?.labels?.[OS] === 'linux';
    await waitFor(isMended, { what: 'the label to be corrected' });
    const { kubelet } = e2e.cluster;
    await kubelet.kill9();
    await patchNode({ metadata: { labels: { [OS]: 'plan9' } } });
    await kubelet.start();
    await waitFor(isMended, { what: 'the label to be corrected by the next kubelet' });
    const { metadata, spec } = await getNode();
    expect(metadata?.labels).toMatchObject({ 'nodeagent.test/mine': 'yes' });
    expect(spec?.taints).toContainEqual(own);
    expect(spec?.taints).not.toContainEqual(OWN_TAINT);
  });
});

/** Parses a quantity as nodes write them: `1900m`, `16393244Ki`. */
function amountOf(quantity = '0'): number {
  const [, digits = '', unit = ''] = /^(\d+)([a-zA-Z]*)$/.exec(quantity) ?? [];
  const factor = { '': 1, m: 0.001, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30 }[unit];
  if (factor === undefined) throw new Error(`no amount: ${quantity}`);
  return Number(digits) * factor;
}

describe('a node without some features', () => {
  const LACKS = 'Pod requires node features that are not available:';

  it('declares the others, and refuses pods that need them: PodFeatureUnsupported', async () => {
    const node = await e2e.client.get(NODES, { name: e2e.cluster.nodeName }, never);
    expect(node.status?.declaredFeatures).toEqual(['InPlacePodVerticalScalingInitContainers']);
    const exitCodes = { operator: 'In', values: [42] };
    const restartPolicyRules = [{ action: 'RestartAllContainers', exitCodes }];
    const container = { restartPolicy: 'Never', restartPolicyRules };
    await createPod(e2e, 'all-again', { containers: [aScript('app', SERVES, container)] });
    const { status } = await e2e.waitForPod('all-again', 'to be refused', hasPhase('Failed'));
    const reason = 'PodFeatureUnsupported';
    const message = `${LACKS} RestartAllContainersOnContainerExits`;
    expect(status).toMatchObject({ reason, message: `Pod was rejected: ${message}` });
    expect(await waitForEvent(e2e, 'all-again', { reason })).toMatchObject({
      type: 'Warning',
      message,
    });
    expect(await ledgerOf(e2e, 'all-again')).toEqual([]);
    await deletePod(e2e, 'all-again', 0);
  });

  it('reports a change that needs one: FailedNodeDeclaredFeaturesCheck', async () => {
    const spec = { resources: { requests: { cpu: '50m' } } };
    const parts = { ...spec, containers: [aScript('app', SERVES)] };
    await createPod(e2e, 'whole-pod', parts);
    const before = await e2e.waitForPod('whole-pod', 'to run', isRunning('app'));
    const feature = 'InPlacePodLevelResourcesVerticalScaling';
    const name = { namespace: e2e.namespace, name: 'whole-pod' };
    const body = { spec: { resources: { requests: { cpu: '60m' } } } };
    const patch = { type: 'strategic-merge', body, subresource: 'resize' } as const;
    try {
      await e2e.client.patch(PODS, name, patch, never);
      const reason = 'FailedNodeDeclaredFeaturesCheck';
      expect(await waitForEvent(e2e, 'whole-pod', { reason })).toMatchObject({
        type: 'Warning',
        message: `${LACKS} ${feature}`,
      });
    } catch (error) {
      // An API server that checks declared features refuses the change itself.
      if (!isKubeError(error, 'KUBE_FORBIDDEN')) throw error;
      expect(error.message).toContain(feature);
    }
    expect(mainContainer(await e2e.getPod('whole-pod'))).toEqual(mainContainer(before));
    await deletePod(e2e, 'whole-pod', 0);
  });
});

describe('a URL of manifests', () => {
  const manifest = (word: string, name = 'web') => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: e2e.namespace },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'main',
          image: 'nodeagent.test/busybox:1',
          imagePullPolicy: 'Never',
          command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1000 & wait $!; done'],
          env: [{ name: 'WORD', value: word }],
        },
      ],
    },
  });
  const named = (name: string): string => `${name}-${e2e.cluster.nodeName}`;
  const wordOf = ({ spec }: Pod): string | undefined => spec?.containers[0]?.env?.[0]?.value;

  it('with two pods of one name runs the first, and reports the other: FailedValidation', async () => {
    await serve(manifest('first'), manifest('second'), manifest('other', 'beside'));
    const pod = await e2e.waitForPod(named('web'), 'to be ready', isReady);
    expect(wordOf(pod)).toBe('first');
    expect(pod.metadata?.annotations?.['kubernetes.io/config.source']).toBe('http');
    await e2e.waitForPod(named('beside'), 'to be ready', isReady);
    await waitForEvent(e2e, named('web'), {
      reason: 'FailedValidation',
      message: /^Error validating pod web-.* from http due to duplicate pod name ".*", ignoring$/,
    });
  });

  it('with an invalid pod leaves all pods unchanged; a change and a removal take effect', async () => {
    const before = await e2e.waitForPod(named('web'), 'to be ready', isReady);
    const broken = manifest('broken', 'broken');
    await serve(manifest('changed'), { ...broken, spec: { ...broken.spec, dnsPolicy: 'Cluster' } });
    const isTold = async () =>
      (await e2e.cluster.space.run(['cat', e2e.cluster.kubelet.logFile])).includes(
        'spec.dnsPolicy: Unsupported value',
      );
    await waitFor(isTold, { what: 'the log to name the problem' });
    expect((await e2e.getPod(named('web'))).metadata?.uid).toBe(before.metadata?.uid);
    await serve(manifest('changed'));
    const after = await e2e.waitForPod(named('web'), 'to be the changed one', (pod) => {
      return isReady(pod) && wordOf(pod) === 'changed';
    });
    expect(statusOf(after, 'main')?.containerID).not.toBe(statusOf(before, 'main')?.containerID);
    await waitFor(() => isGone(e2e, named('beside')), { what: 'the other mirror pod to be gone' });
    await serve();
    await waitFor(() => isGone(e2e, named('web')), { what: 'the mirror pod to be gone' });
  });
});

describe('a critical pod, while the runtime is away', () => {
  it('waits for the pod that makes way, up to a limit: ExceededGracePeriod', async () => {
    const node = await e2e.client.get(NODES, { name: e2e.cluster.nodeName }, never);
    const { cpu = '' } = node.status?.allocatable ?? {};
    const milli = cpu.endsWith('m') ? Number(cpu.slice(0, -1)) : Number(cpu) * 1000;
    const asking = (amount: number) => ({ resources: { requests: { cpu: `${amount}m` } } });
    for (const name of ['whole', 'huge', 'meanwhile']) await deletePod(e2e, name, 0);
    for (const name of ['whole', 'huge', 'meanwhile']) {
      await waitFor(() => isGone(e2e, name), { what: `pod ${name} to be gone` });
    }
    await createPod(e2e, 'low', {
      terminationGracePeriodSeconds: 1,
      containers: [aScript('app', SERVES, asking(milli - 50))],
    });
    await e2e.waitForPod('low', 'to run', isRunning('app'));
    const relay = e2e.cluster.runtimeRelay!;
    await relay.cut();
    try {
      await createPod(e2e, 'high', {
        priorityClassName: 'system-node-critical',
        priority: 2_000_001_000,
        containers: [aScript('app', SERVES, asking(100))],
      });
      await waitForEvent(e2e, 'low', {
        reason: 'ExceededGracePeriod',
        message: 'Container runtime did not kill the pod within specified grace period.',
      });
    } finally {
      await relay.mend();
    }
    await e2e.waitForPod('high', 'to run', isRunning('app'));
    expect((await eventsOf(e2e, 'low')).some(({ reason }) => reason === 'Preempting')).toBe(true);
  });
});
