import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { MemoryRuntime } from '@nodeagent/cri-client/testing';
import { type EventNote, LEASES, NODES, PODS } from '@nodeagent/kube-client';
import { createMemoryKubeClient, type MemoryKubeClient } from '@nodeagent/kube-client/testing';
import { withNodeDefaults } from '@nodeagent/node-status';
import { createFixedFacts } from '@nodeagent/node-status/testing';
import { createScriptedProber, type ScriptedProber } from '@nodeagent/probes/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { runKubelet } from '../../../src/assembly/run/run-kubelet.js';
import { createNodeEvents, OwnNode } from '../../../src/node/run/index.js';
import { createPodEvents } from '../../../src/pod/run/index.js';
import {
  aPod,
  MemoryPodEvents,
  MemoryPodRuntime,
  MemoryPodVolumes,
} from '../../../src/testing/index.js';

let clock: ManualClock;
let api: MemoryKubeClient;
let runtime: MemoryPodRuntime;
let prober: ScriptedProber;
let notes: EventNote[];
let podsProblem: string | undefined;
let storageProblem: string | undefined;
let healthy: (() => string | undefined) | undefined;
let end: AbortController;
let run: Promise<void>;

beforeEach(async () => {
  clock = new ManualClock();
  api = createMemoryKubeClient({ clock });
  runtime = new MemoryPodRuntime(clock);
  prober = createScriptedProber('success');
  notes = [];
  podsProblem = undefined;
  storageProblem = undefined;
  end = new AbortController();
  const cri = new MemoryRuntime({ clock });
  const log = new MemoryLogger();
  const recorder = { record: (note: EventNote) => void notes.push(note) };
  const ports = {
    client: api,
    ownNode: new OwnNode({ client: api, nodeName: 'n1', clock, random: () => 0, log }),
    events: createPodEvents(recorder),
    nodeEvents: createNodeEvents(recorder, 'n1'),
    cri,
    images: cri.images,
    facts: createFixedFacts(),
    podsProblem: () => podsProblem,
    csiNode: { problem: () => storageProblem, settled: async () => undefined },
    runtime,
    runtimeView: runtime,
    volumes: new MemoryPodVolumes({ clock, events: new MemoryPodEvents() }),
    prober,
    health: {
      run: async (problem: () => string | undefined, signal: AbortSignal) => {
        healthy = problem;
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    },
    clock,
    random: () => 0,
    log,
  };
  const node = withNodeDefaults({ nodeName: 'n1', kubeletVersion: 'v1.36.0' });
  run = runKubelet({ ports, settings: { node, syncFrequencyMs: 60_000 } }, end.signal);
  await settle();
});

afterEach(async () => {
  end.abort(new Error('the test is over'));
  await run;
});

async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

async function pass(ms: number): Promise<void> {
  await clock.advance(ms);
  await settle();
}

describe(runKubelet, () => {
  it('registers its node, renews its lease, and runs a pod until it is ready', async () => {
    await pass(2000);
    const [node] = api.objects(NODES);
    expect(node?.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
    expect(api.objects(LEASES)[0]?.spec?.holderIdentity).toBe('n1');

    const pod = aPod({ containers: [{ readinessProbe: { tcpSocket: { port: 80 } } }] });
    await api.create(PODS, pod, end.signal);
    await pass(1000);
    const status = api.objects(PODS)[0]?.status;
    const address = node?.status?.addresses?.find(({ type }) => type === 'InternalIP')?.address;
    expect(address).toBeDefined();
    expect(status).toMatchObject({ phase: 'Running', hostIP: address });
    expect(status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
    expect(prober.attempts[0]).toMatchObject({ kind: 'tcp', hostname: status?.podIP, port: 80 });
  });

  it('names the field of a container in its events', async () => {
    await pass(2000);
    prober.answer('failure');
    const pod = aPod({ containers: [{ readinessProbe: { tcpSocket: { port: 80 } } }] });
    await api.create(PODS, pod, end.signal);
    await pass(1000);
    const note = notes.find(({ reason }) => reason === 'Unhealthy');
    expect(note?.about).toMatchObject({
      kind: 'Pod',
      name: 'web',
      fieldPath: 'spec.containers{app}',
    });
    expect(note?.message).toBe('Readiness probe failed: failure');
  });

  it('continues when the API has malformed pods', async () => {
    await pass(2000);
    const bad = aPod({ metadata: { name: 'bad', uid: 'uid-bad' } });
    const spec = { ...bad.spec, containers: { app: 7 } };
    api.seed(PODS, { ...bad, spec } as unknown as typeof bad);
    await api.create(PODS, aPod({ metadata: { name: 'good' } }), end.signal);
    await pass(1000);
    const phases = api.objects(PODS).map(({ metadata, status }) => [metadata?.name, status?.phase]);
    expect(phases).toEqual([
      ['bad', 'Pending'],
      ['good', 'Running'],
    ]);
    expect(notes.find(({ reason }) => reason === 'FailedToReadPod')).toMatchObject({
      about: { kind: 'Pod', namespace: 'default', name: 'bad', uid: 'uid-bad' },
      message: 'The kubelet cannot use this pod: spec.containers: expected array',
    });
  });

  it('lists no pods before its node is known', async () => {
    await pass(2000);
    const calls = api.calls.map(({ verb, plural }) => `${verb} ${plural}`);
    expect(calls).toContain('list pods');
    expect(calls.indexOf('list pods')).toBeGreaterThan(calls.indexOf('create nodes'));
  });

  it('is healthy while its loops make progress', async () => {
    await pass(600_000);
    expect(healthy?.()).toBeUndefined();
  });

  it('reports the node as not ready while cgroups cannot be created', async () => {
    await pass(2000);
    podsProblem = 'failed to initialize top level QOS containers: EROFS';
    await pass(20_000);
    const ready = api.objects(NODES)[0]?.status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({
      ...{ status: 'False', reason: 'KubeletNotReady', message: podsProblem },
    });
  });

  it('reports the node as not ready while its CSINode cannot be created', async () => {
    await pass(2000);
    storageProblem = 'failed to initialize CSINode: forbidden';
    await pass(20_000);
    const ready = () =>
      api.objects(NODES)[0]?.status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready()).toMatchObject({
      ...{ status: 'False', reason: 'KubeletNotReady', message: storageProblem },
    });
    storageProblem = undefined;
    await pass(20_000);
    expect(ready()).toMatchObject({ status: 'True' });
  });

  it('reports the node as not ready while runtime events are lost', async () => {
    await pass(2000);
    runtime.unhealthy = 'pleg was last seen active 4m0s ago; threshold is 3m0s';
    await pass(20_000);
    const ready = api.objects(NODES)[0]?.status?.conditions?.find(({ type }) => type === 'Ready');
    expect(ready).toMatchObject({
      status: 'False',
      message: 'PLEG is not healthy: pleg was last seen active 4m0s ago; threshold is 3m0s',
    });
  });
});
