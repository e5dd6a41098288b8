import { orAborted, Wake } from '@nodeagent/base';
import { ManualClock, MemoryLogger } from '@nodeagent/base/testing';
import { KubeError, type Lease, LEASES, type Node, NODES } from '@nodeagent/kube-client';
import { createMemoryKubeClient, type MemoryKubeClient } from '@nodeagent/kube-client/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import {
  type NodeConfig,
  runNodeStatus,
  runUnregisteredNode,
  withNodeDefaults,
} from '../../src/index.js';
import {
  createFixedFacts,
  createFixedInputs,
  type FixedFacts,
  type FixedInputs,
} from '../../src/testing/index.js';

let clock: ManualClock;
let client: MemoryKubeClient;
let log: MemoryLogger;
let facts: FixedFacts;
let inputs: FixedInputs;
let wake: Wake;
let told: string[];
let running: Promise<void>;
let stop: AbortController;

beforeEach(() => {
  clock = new ManualClock();
  client = createMemoryKubeClient({ clock });
  log = new MemoryLogger();
  facts = createFixedFacts();
  inputs = createFixedInputs();
  wake = new Wake();
  told = [];
  stop = new AbortController();
  running = Promise.resolve();
});

afterEach(async () => {
  stop.abort();
  await running;
  expect(clock.sleeping).toBe(0);
});

async function start(config: Partial<NodeConfig> = {}): Promise<void> {
  const events = {
    normal: (reason: string) => void told.push(reason),
    warning: (reason: string) => void told.push(`!${reason}`),
  };
  running = runNodeStatus(
    {
      clock,
      random: () => 0.5,
      log,
      client,
      facts,
      inputs,
      events,
      wake,
      config: withNodeDefaults({ nodeName: 'n1', kubeletVersion: 'v1.36.0', ...config }),
    },
    stop.signal,
  );
  await clock.advance(0);
}

const node = (): Node | undefined => client.objects(NODES)[0];
const lease = (): Lease | undefined => client.objects(LEASES)[0];
const ready = (): unknown => node()?.status?.conditions?.find(({ type }) => type === 'Ready');
const patches = (): number => client.calls.filter(({ verb }) => verb === 'patch').length;
const verbs = (plural: string): string[] =>
  client.calls.filter((call) => call.plural === plural).map(({ verb }) => verb);

describe('registration', () => {
  it('creates the node with labels and taints, and reports it ready at once', async () => {
    await start({
      labels: { rack: 'r1' },
      taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }],
    });
    expect(node()?.metadata).toMatchObject({
      name: 'n1',
      labels: {
        'kubernetes.io/hostname': 'n1',
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'beta.kubernetes.io/os': 'linux',
        'beta.kubernetes.io/arch': 'amd64',
        rack: 'r1',
      },
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    });
    expect(node()?.spec?.taints).toEqual([{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }]);
    expect(ready()).toMatchObject({ status: 'True', reason: 'KubeletReady' });
    expect(node()?.status?.addresses).toEqual([
      { type: 'InternalIP', address: '10.0.0.5' },
      { type: 'Hostname', address: 'n1' },
    ]);
    expect(told).toEqual(
      expect.arrayContaining(['NodeHasSufficientMemory', 'NodeHasNoDiskPressure', 'NodeReady']),
    );
  });

  it('corrects an existing node, but leaves its taints, pod CIDR and other labels', async () => {
    client.seed(NODES, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'n1', labels: { 'kubernetes.io/hostname': 'old', mine: 'yes' } },
      spec: { podCIDR: '10.1.0.0/24', taints: [{ key: 'old', effect: 'NoSchedule' }] },
    });
    await start({ labels: { rack: 'r1' }, controllerManagedAttachDetach: true });
    const { metadata, spec } = node() ?? {};
    expect(metadata?.labels).toMatchObject({ 'kubernetes.io/hostname': 'n1', mine: 'yes' });
    expect(metadata?.labels).not.toHaveProperty('rack');
    expect(spec?.podCIDR).toBe('10.1.0.0/24');
    expect(spec?.taints).toHaveLength(1);
    expect(ready()).toMatchObject({ status: 'True' });
  });

  it('zeroes extended resources that an earlier kubelet left, until someone sets them', async () => {
    const left = { 'example.com/card': '4', 'x.kubernetes.io/own': '5', cpu: '64' };
    client.seed(NODES, {
      ...{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } },
      status: { capacity: left, allocatable: left },
    });
    await start();
    const none = { 'example.com/card': '0', 'x.kubernetes.io/own': '5' };
    expect(node()?.status?.capacity).toMatchObject(none);
    expect(node()?.status?.allocatable).toMatchObject(none);
    const capacity = { ...node()?.status?.capacity, 'example.com/card': '2' };
    client.seed(NODES, { ...node(), status: { ...node()?.status, capacity } });
    await clock.advance(600_000);
    expect(node()?.status?.allocatable).toMatchObject({ 'example.com/card': '2' });
  });

  it('updates an existing node when it may not create one', async () => {
    client.seed(NODES, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
    client.failNext({ verb: 'create', plural: 'nodes' }, new KubeError('KUBE_FORBIDDEN', 'no'));
    await start();
    expect(ready()).toMatchObject({ status: 'True' });
  });

  it('tries again after 100 ms, 200 ms … and never more than 7 s apart', async () => {
    const down = new KubeError('KUBE_UNAVAILABLE', 'refused');
    client.failNext({ verb: 'create', plural: 'nodes' }, down, 9);
    await start();
    await clock.advance(100 + 200 + 400 + 800 + 1600 + 3200 + 6400 + 7000 - 1);
    expect(verbs('nodes').filter((verb) => verb === 'create')).toHaveLength(8);
    expect(node()).toBeUndefined();
    await clock.advance(1 + 7000);
    expect(ready()).toMatchObject({ status: 'True' });
  });

  it('does not report a ready node as not ready for what is settled in a moment', async () => {
    client.seed(NODES, {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'n1' },
      status: { conditions: [{ type: 'Ready', status: 'True' }] },
    });
    const done = Promise.withResolvers<undefined>();
    let storage = ['CSINode is not yet initialized'];
    inputs = createFixedInputs({
      problems: () => ({ runtime: [], storage, shuttingDown: false }),
      settled: () => done.promise,
    });
    await start();
    await clock.advance(60_000);
    expect(ready()).toMatchObject({ status: 'True' });
    storage = [];
    done.resolve(undefined);
    await clock.advance(0);
    expect(told).not.toContain('NodeNotReady');
    expect(ready()).toMatchObject({ status: 'True', reason: 'KubeletReady' });
  });

  it('is ready 100 ms after the last problem that is not the runtime’s', async () => {
    let storage = ['CSINode is not yet initialized'];
    inputs = createFixedInputs({
      problems: () => ({ runtime: [], storage, shuttingDown: false }),
    });
    await start();
    expect(ready()).toMatchObject({ status: 'False', message: storage[0] });
    storage = [];
    await clock.advance(100);
    expect(ready()).toMatchObject({ status: 'True' });
  });

  it('does not register when registration is off', async () => {
    await start({ register: false });
    expect(verbs('nodes')).not.toContain('create');
  });
});

describe('status', () => {
  it('computes every 10 s but writes only after 5 min when nothing changes', async () => {
    await start();
    const before = patches();
    await clock.advance(299_000);
    expect(patches()).toBe(before);
    await clock.advance(21_000);
    expect(patches()).toBe(before + 1);
    expect(client.calls.findLast(({ verb }) => verb === 'patch')?.body).toMatchObject({
      body: { status: { conditions: [{ type: 'MemoryPressure' }, {}, {}, {}] } },
    });
  });

  it('reports a change within one period, and only changed fields', async () => {
    await start();
    facts.machineFacts = { ...facts.machineFacts, memoryBytes: 8 * 2 ** 30 };
    await clock.advance(10_500);
    const sent = client.calls.findLast(({ verb }) => verb === 'patch');
    expect(sent).toMatchObject({ subresource: 'status', name: 'n1' });
    const { body } = sent!.body as { body: { status: object; metadata?: object } };
    expect(Object.keys(body)).toEqual(['status']);
    expect(body.status).toMatchObject({
      capacity: { memory: '8Gi' },
      allocatable: { memory: '8Gi' },
    });
    expect(Object.keys(body.status).sort()).toEqual(['allocatable', 'capacity', 'conditions']);
  });

  it('reports at once when woken', async () => {
    let memory = false;
    inputs = createFixedInputs({ pressure: () => ({ memory, disk: false, pid: false }) });
    await start();
    memory = true;
    wake.wake();
    await clock.advance(1);
    expect(node()?.status?.conditions?.[0]).toMatchObject({
      type: 'MemoryPressure',
      status: 'True',
      reason: 'KubeletHasInsufficientMemory',
    });
    expect(told).toContain('NodeHasInsufficientMemory');
  });

  it('is ready as soon as the network is, long before the next period', async () => {
    const good = inputs.status;
    if (good instanceof Error) throw good;
    const cni = { type: 'NetworkReady', status: false, reason: 'NoCNI', message: 'no config' };
    inputs.status = { ...good, conditions: [good.conditions[0]!, cni] };
    await start();
    expect(ready()).toMatchObject({
      status: 'False',
      reason: 'KubeletNotReady',
      message:
        'container runtime network not ready: NetworkReady=false reason:NoCNI message:no config',
    });
    inputs.status = good;
    await clock.advance(200);
    expect(ready()).toMatchObject({ status: 'True' });
    expect(told).toContain('NodeReady');
  });

  it('polls the runtime at the normal rate when the API already has the node ready', async () => {
    await start(); // registers the node as ready: no report is due
    stop.abort();
    await running;
    stop = new AbortController();
    let asked = 0;
    const before = inputs;
    inputs = createFixedInputs({
      runtimeStatus: (signal) => {
        asked += 1;
        return before.runtimeStatus(signal);
      },
    });
    await start();
    await clock.advance(20_000);
    expect(asked).toBeLessThan(10);
  });

  it('calls the runtime down after 30 s without an answer, and recovers', async () => {
    await start();
    const good = inputs.status;
    inputs.status = new Error('connect: no such file');
    await clock.advance(29_000);
    expect(ready()).toMatchObject({ status: 'True' });
    await clock.advance(7000);
    expect(ready()).toMatchObject({ status: 'False', message: 'container runtime is down' });
    inputs.status = good;
    await clock.advance(5100);
    expect(ready()).toMatchObject({ status: 'True' });
  });

  it('tries five times in a row, then in the next period', async () => {
    await start();
    facts.machineFacts = { ...facts.machineFacts, cpuCount: 4 };
    const down = new KubeError('KUBE_UNAVAILABLE', 'refused');
    client.failNext({ verb: 'patch', plural: 'nodes' }, down, 6);
    await clock.advance(10_500);
    expect(node()?.status?.capacity?.['cpu']).toBe('2');
    expect(
      log.lines.filter(({ message }) => message === 'cannot report the node status'),
    ).toHaveLength(5);
    await clock.advance(10_500);
    expect(node()?.status?.capacity?.['cpu']).toBe('4');
  });

  it('gives up on a call that does not end, and retries', async () => {
    const patch = client.patch.bind(client) as (...args: unknown[]) => Promise<unknown>;
    let hangs = false;
    vi.spyOn(client, 'patch').mockImplementation((...args: unknown[]) => {
      if (!hangs) return patch(...args);
      hangs = false;
      const signal = args[3] as AbortSignal;
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    });
    await start();
    facts.machineFacts = { ...facts.machineFacts, cpuCount: 4 };
    hangs = true;
    await clock.advance(20_000);
    expect(node()?.status?.capacity?.['cpu']).toBe('2');
    await clock.advance(500);
    expect(node()?.status?.capacity?.['cpu']).toBe('4');
    expect(
      log.lines.find(({ message }) => message === 'cannot report the node status')?.fields,
    ).toEqual({
      node: 'n1',
      tries: 1,
      err: new Error('no answer within 10000 ms'),
    });
  });

  it('keeps the last figures when the machine cannot be measured', async () => {
    await start();
    facts.failure = new Error('EIO');
    await clock.advance(60_000);
    expect(node()?.status?.capacity?.['cpu']).toBe('2');
    expect(ready()).toMatchObject({ status: 'True' });
  });

  it('keeps the last addresses when the network cannot be measured', async () => {
    await start();
    const before = node()?.status?.addresses;
    facts.network = () => Promise.reject(new Error('EMFILE'));
    await clock.advance(400_000);
    expect(node()?.status?.addresses).toEqual(before);
    expect(ready()).toMatchObject({ lastHeartbeatTime: '2026-01-01T00:05:06Z' });
  });

  it('is not confused by a wall clock that jumps', async () => {
    await start();
    const before = patches();
    clock.jumpWall(Date.UTC(2020, 0, 1));
    await clock.advance(100_000);
    expect(patches()).toBe(before);
    expect(ready()).toMatchObject({ status: 'True' });
    await clock.advance(300_000);
    expect(ready()).toMatchObject({
      lastHeartbeatTime: expect.stringMatching(/^2020-01-01/) as string,
      lastTransitionTime: expect.stringMatching(/^2026-01-01/) as string,
    });
  });

  it('refuses to start with reservations larger than the machine', async () => {
    const config = withNodeDefaults({
      nodeName: 'n1',
      kubeletVersion: 'v1.36.0',
      kubeReserved: { cpu: 3_000_000_000n },
    });
    const options = { clock, random: () => 0.5, log, client, facts, inputs, config };
    await expect(runNodeStatus(options, stop.signal)).rejects.toMatchObject({
      code: 'NODE_ALLOCATABLE_INVALID',
      message:
        'invalid Node Allocatable configuration. Resource "cpu" has a reservation of 3 but capacity of 2. Expected capacity >= reservation.',
    });
  });
});

describe('lease', () => {
  it('is created with its owner, and renewed every 10 s with one call', async () => {
    await start();
    expect(lease()).toMatchObject({
      metadata: {
        name: 'n1',
        namespace: 'kube-node-lease',
        ownerReferences: [
          { apiVersion: 'v1', kind: 'Node', name: 'n1', uid: node()?.metadata?.uid },
        ],
      },
      spec: {
        holderIdentity: 'n1',
        leaseDurationSeconds: 40,
        renewTime: '2026-01-01T00:00:00.000000Z',
      },
    });
    await clock.advance(31_000);
    expect(verbs('leases')).toEqual(['get', 'create', 'replace', 'replace', 'replace']);
    expect(lease()?.spec?.renewTime).toBe('2026-01-01T00:00:30.600000Z');
  });

  it('takes over the lease of an earlier run', async () => {
    client.seed(LEASES, {
      metadata: { name: 'n1', namespace: 'kube-node-lease' },
      spec: { holderIdentity: 'n1', leaseTransitions: 3 },
    });
    await start();
    expect(lease()).toMatchObject({
      metadata: { ownerReferences: [{ kind: 'Node' }] },
      spec: { leaseTransitions: 3, leaseDurationSeconds: 40 },
    });
  });

  it('reads the lease again when someone else has written it', async () => {
    await start();
    const seen = lease()!;
    client.seed(LEASES, { ...seen, metadata: { ...seen.metadata, labels: { touched: 'yes' } } });
    await clock.advance(10_500);
    expect(verbs('leases').slice(2)).toEqual(['replace', 'get', 'replace']);
    expect(lease()?.metadata?.labels).toEqual({ touched: 'yes' });
    expect(lease()?.spec?.renewTime).toBe('2026-01-01T00:00:10.200000Z');
  });

  it('is created again when it was deleted', async () => {
    await start();
    client.drop(LEASES, { namespace: 'kube-node-lease', name: 'n1' });
    await clock.advance(10_500);
    expect(lease()?.spec?.renewTime).toBe('2026-01-01T00:00:10.200000Z');
  });

  it('survives an API that is away for minutes', async () => {
    await start();
    let away = true;
    client.onCall = () => {
      if (away) throw new KubeError('KUBE_UNAVAILABLE', 'refused');
    };
    await clock.advance(180_000);
    away = false;
    await clock.advance(7100);
    expect(Date.parse(String(lease()?.spec?.renewTime))).toBeGreaterThan(
      Date.UTC(2026, 0, 1, 0, 3),
    );
  });
});

describe('a resolver that does not answer', () => {
  /** Resolves when the resolver is called; its answer then waits for the signal. */
  const untilAborted = (): Promise<undefined> => {
    const asked = Promise.withResolvers<undefined>();
    facts.network = (_, signal) => {
      asked.resolve(undefined);
      return orAborted(new Promise<never>(() => undefined), signal);
    };
    return asked.promise;
  };

  it.each([runNodeStatus, runUnregisteredNode])('does not stop %o from ending', async (run) => {
    const isAsked = untilAborted();
    running = run(
      {
        ...{ clock, log, client, facts, inputs, random: () => 0.5 },
        config: withNodeDefaults({ nodeName: 'n1', kubeletVersion: 'v1.36.0' }),
      },
      stop.signal,
    );
    await isAsked;
    stop.abort();
    await running;
    expect(log.lines.filter(({ level }) => level === 'warn')).toEqual([]);
  });

  it('does not stop a reporting node from ending', async () => {
    await start();
    const isAsked = untilAborted();
    await clock.advance(11_000);
    await isAsked;
    stop.abort();
    await running;
  });
});

describe('without an API server', () => {
  it('measures the node repeatedly without any API call', async () => {
    const measured: Node[] = [];
    running = runUnregisteredNode(
      {
        ...{ clock, log, client, facts, inputs, random: () => 0.5 },
        config: withNodeDefaults({
          nodeName: 'n1',
          kubeletVersion: 'v1.36.0',
          labels: { rack: 'r1' },
        }),
        onMeasured: (each) => void measured.push(each),
      },
      stop.signal,
    );
    await clock.advance(0);
    expect(measured[0]).toMatchObject({
      metadata: { name: 'n1', labels: { rack: 'r1' } },
      status: { allocatable: { pods: '110' } },
    });
    await clock.advance(10_000);
    expect(measured).toHaveLength(2);
    expect(client.calls).toEqual([]);
  });

  it('that answers, onMeasured is called before the node is registered', async () => {
    const measured: Node[] = [];
    client.onCall = () => {
      throw new KubeError('KUBE_UNAVAILABLE', 'connection refused');
    };
    running = runNodeStatus(
      {
        ...{ clock, log, client, facts, inputs, random: () => 0.5 },
        config: withNodeDefaults({ nodeName: 'n1', kubeletVersion: 'v1.36.0' }),
        onMeasured: (each) => void measured.push(each),
      },
      stop.signal,
    );
    await clock.advance(0);
    expect(measured[0]?.metadata?.name).toBe('n1');
  });
});
