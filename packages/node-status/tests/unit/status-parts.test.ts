import { formatTimestamp } from '@nodeagent/base';
import type { Node, NodeCondition } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import {
  differs,
  foldRuntimeStatus,
  type NodeFacts,
  notReadyReasons,
  planConditions,
  planImages,
  planNode,
  planStatusPatch,
  type RuntimeHealth,
  UNKNOWN_HEALTH,
  withNodeDefaults,
} from '../../src/index.js';
import { createFixedFacts } from '../../src/testing/index.js';

const CALM = { memory: false, disk: false, pid: false };
const T0 = Date.UTC(2026, 0, 1);
const good: RuntimeHealth = { ...UNKNOWN_HEALTH, lastGoodMs: 0, networkProblem: undefined };
const problems = { runtime: [], storage: [], shuttingDown: false };

function someFacts(over: Partial<NodeFacts> = {}): NodeFacts {
  const { machineFacts, networkFacts } = createFixedFacts();
  return {
    machine: machineFacts,
    network: networkFacts,
    health: good,
    runtimeVersion: { name: 'containerd', version: '1.6.20' },
    images: [],
    pressure: CALM,
    problems,
    volumesInUse: undefined,
    devices: undefined,
    ...over,
  };
}
const config = withNodeDefaults({ nodeName: 'n1', kubeletVersion: 'v1.36.0' });
const now = { wallMs: T0, monotonicMs: 0 };
const plan = (previous: Node, over: Partial<NodeFacts> = {}) =>
  planNode(previous, { config, facts: someFacts(over) }, now);

describe(planConditions, () => {
  const first = planConditions([], { pressure: CALM, problems: [] }, T0);

  it('starts with four conditions, and reports each good one', () => {
    expect(first.conditions.map(({ type, status }) => `${type}=${status}`)).toEqual([
      'MemoryPressure=False',
      'DiskPressure=False',
      'PIDPressure=False',
      'Ready=True',
    ]);
    expect(first.events).toEqual([
      'NodeHasSufficientMemory',
      'NodeHasNoDiskPressure',
      'NodeHasSufficientPID',
      'NodeReady',
    ]);
    const unready = planConditions([], { pressure: CALM, problems: ['a'] }, T0);
    expect(unready.events).not.toContain('NodeNotReady'); // it was never bad
  });

  it('moves only the heartbeat when nothing has changed', () => {
    const later = planConditions(first.conditions, { pressure: CALM, problems: [] }, T0 + 60_000);
    expect(later.events).toEqual([]);
    for (const condition of later.conditions) {
      expect(condition.lastHeartbeatTime).toBe(formatTimestamp(T0 + 60_000));
      expect(condition.lastTransitionTime).toBe(formatTimestamp(T0));
    }
  });

  it('moves the transition with the status, not with the message', () => {
    const down = planConditions(first.conditions, { pressure: CALM, problems: ['a'] }, T0 + 1000);
    const worse = planConditions(
      down.conditions,
      { pressure: CALM, problems: ['a', 'b', 'a'] },
      T0 + 2000,
    );
    expect(down.events).toEqual(['NodeNotReady']);
    expect(worse.events).toEqual([]);
    expect(worse.conditions.at(-1)).toEqual({
      type: 'Ready',
      status: 'False',
      reason: 'KubeletNotReady',
      message: '[a, b]',
      lastHeartbeatTime: formatTimestamp(T0 + 2000),
      lastTransitionTime: formatTimestamp(T0 + 1000),
    });
  });

  it.each([
    ['memory', 'KubeletHasInsufficientMemory', 'NodeHasInsufficientMemory'],
    ['disk', 'KubeletHasDiskPressure', 'NodeHasDiskPressure'],
    ['pid', 'KubeletHasInsufficientPID', 'NodeHasInsufficientPID'],
  ])('reports %s pressure', (key, reason, event) => {
    const pressure = { ...CALM, [key]: true };
    const planned = planConditions(first.conditions, { pressure, problems: [] }, T0);
    expect(planned.events).toEqual([event]);
    expect(
      planned.conditions.find(({ status, type }) => status === 'True' && type !== 'Ready'),
    ).toMatchObject({ reason });
  });

  it("leaves others' conditions alone", () => {
    const theirs = { type: 'NetworkUnavailable', status: 'False' } as NodeCondition;
    expect(planConditions([theirs], { pressure: CALM, problems: [] }, T0).conditions[0]).toBe(
      theirs,
    );
  });
});

describe(notReadyReasons, () => {
  const conditions = (runtime: boolean | undefined, network: boolean | undefined) =>
    Object.entries({ RuntimeReady: runtime, NetworkReady: network }).flatMap(([type, status]) =>
      status === undefined ? [] : [{ type, status, reason: 'R', message: 'M' }],
    );
  const fold = (runtime: boolean | undefined, network: boolean | undefined) =>
    foldRuntimeStatus(
      UNKNOWN_HEALTH,
      { conditions: conditions(runtime, network), handlers: [], supplementalGroupsPolicy: true },
      1000,
    );

  it.each([
    [
      'nothing is known',
      UNKNOWN_HEALTH,
      ['container runtime status check may not have completed yet', 'network state unknown'],
    ],
    ['all is well', fold(true, true), []],
    [
      'there is no network',
      fold(true, false),
      ['container runtime network not ready: NetworkReady=false reason:R message:M'],
    ],
    [
      'the runtime says nothing about itself',
      fold(undefined, undefined),
      [
        'container runtime status check may not have completed yet',
        'container runtime not ready: <nil>',
        'container runtime network not ready: <nil>',
      ],
    ],
  ] as const)('when %s', (_, health, want) => {
    expect(notReadyReasons({ health, problems }, 2000)).toEqual(want);
  });

  it('puts problems in order: age, others, runtime, network, storage, shutdown', () => {
    const sick = foldRuntimeStatus(
      fold(true, true),
      { conditions: conditions(false, false), handlers: [], supplementalGroupsPolicy: undefined },
      31_000,
    );
    expect(sick.supplementalGroupsPolicy).toBe(true);
    const more = { runtime: ['PLEG'], storage: ['CSINode'], shuttingDown: true };
    expect(notReadyReasons({ health: sick, problems: more }, 31_000)).toEqual([
      'container runtime is down',
      'PLEG',
      'container runtime not ready: RuntimeReady=false reason:R message:M',
      'container runtime network not ready: NetworkReady=false reason:R message:M',
      'CSINode',
      'node is shutting down',
    ]);
  });
});

describe(planImages, () => {
  const image = (id: string, sizeBytes: number, tags = 1) => ({
    id,
    sizeBytes,
    repoDigests: [`${id}@sha256:1`],
    repoTags: Array.from({ length: tags }, (_, index) => `${id}:${index}`),
  });

  it('sorts by size, then by id from the end, and names at most five', () => {
    const planned = planImages([image('a', 1), image('b', 5, 9), image('c', 1)], 50);
    expect(planned.map(({ names }) => names[0])).toEqual([
      'b@sha256:1',
      'c@sha256:1',
      'a@sha256:1',
    ]);
    expect(planned[0]).toEqual({
      names: ['b@sha256:1', 'b:0', 'b:1', 'b:2', 'b:3'],
      sizeBytes: 5,
    });
  });

  it.each([
    [2, 2],
    [0, 0],
    [-1, 3],
  ])('of three, %d at most are %d', (most, want) => {
    expect(planImages([image('a', 1), image('b', 2), image('c', 3)], most)).toHaveLength(want);
  });
});

describe(planNode, () => {
  const empty: Node = { metadata: { name: 'n1' } };

  it('fills nodeInfo and the rest', () => {
    const handlers = [
      { name: 'runc', recursiveReadOnlyMounts: true, userNamespaces: false },
      { name: '', recursiveReadOnlyMounts: true, userNamespaces: true },
    ];
    const { status } = plan(empty, {
      health: { ...good, handlers, supplementalGroupsPolicy: true },
      volumesInUse: ['b', 'a', 'b'],
    }).node;
    expect(status).toMatchObject({
      nodeInfo: {
        machineID: '3b2e0a1c',
        systemUUID: '4C4C4544',
        bootID: 'b00t-1',
        kernelVersion: '6.1.0',
        osImage: 'Debian GNU/Linux 12 (bookworm)',
        containerRuntimeVersion: 'containerd://1.6.20',
        kubeletVersion: 'v1.36.0',
        kubeProxyVersion: '',
        operatingSystem: 'linux',
        architecture: 'amd64',
      },
      daemonEndpoints: { kubeletEndpoint: { Port: 10250 } },
      runtimeHandlers: [
        { name: '', features: { recursiveReadOnlyMounts: true, userNamespaces: true } },
        { name: 'runc', features: { recursiveReadOnlyMounts: true, userNamespaces: false } },
      ],
      features: { supplementalGroupsPolicy: true },
      volumesInUse: ['a', 'b'],
    });
    expect(status?.nodeInfo).not.toHaveProperty('swap');
  });

  it('shows an unknown version when the runtime does not report one', () => {
    const { node } = plan(empty, { runtimeVersion: undefined });
    expect(node.status?.nodeInfo?.containerRuntimeVersion).toBe('://Unknown');
  });

  it.each([
    ['1.6.20~ds1', '1.6.20'],
    ['v2.1.9', '2.1.9'],
    ['2.0.0-rc.1+abc', '2.0.0-rc.1+abc'],
    ['1.7.24+ds1', '1.7.24+ds1'],
    ['25.0', '25.0'],
    ['unknown', 'Unknown'],
  ])('shows the runtime’s version %s as %s', (version, want) => {
    const { node } = plan(empty, { runtimeVersion: { name: 'containerd', version } });
    expect(node.status?.nodeInfo?.containerRuntimeVersion).toBe(`containerd://${want}`);
  });

  it('reports a reboot once', () => {
    const before = plan(empty).node;
    const machine = { ...someFacts().machine, bootId: 'b00t-2' };
    const after = plan(before, { machine });
    expect(after.events).toEqual([
      {
        type: 'Warning',
        reason: 'Rebooted',
        message: 'Node n1 has been rebooted, boot id: b00t-2',
      },
    ]);
    expect(plan(after.node, { machine }).events).toEqual([]);
  });

  it('corrects the labels that describe the machine', () => {
    const { node } = plan({
      metadata: { name: 'n1', labels: { 'kubernetes.io/arch': 'vax', a: 'b' } },
    });
    expect(node.metadata?.labels).toEqual({
      'kubernetes.io/arch': 'amd64',
      'kubernetes.io/os': 'linux',
      a: 'b',
    });
  });

  it('keeps addresses that cannot be determined, and reports why', () => {
    const addresses = [{ type: 'InternalIP', address: '10.0.0.9' }];
    const network = { interfaceAddresses: [], resolvedAddresses: [], defaultRoute: {} };
    const { node, gaps } = plan({ ...empty, status: { addresses } }, { network });
    expect(node.status?.addresses).toBe(addresses);
    expect(gaps).toEqual(["can't get ip address of node n1. error: no default routes found"]);
  });

  it('annotates the requested address for the cloud', () => {
    const external = withNodeDefaults({
      nodeName: 'n1',
      kubeletVersion: 'v1.36.0',
      cloudProvider: 'external',
      nodeIps: ['10.0.0.5'],
    });
    const key = 'alpha.kubernetes.io/provided-node-ip';
    const { node } = planNode(empty, { config: external, facts: someFacts() }, now);
    expect(node.metadata?.annotations).toEqual({ [key]: '10.0.0.5' });
    expect(plan(node).node.metadata?.annotations).toEqual({});
  });
});

describe(planStatusPatch, () => {
  const before = plan({ metadata: { name: 'n1' } }).node;

  it('is undefined when nothing differs', () => {
    expect(planStatusPatch(before, structuredClone(before))).toBeUndefined();
  });

  it('contains heartbeats, which do not count as a difference', () => {
    const facts = someFacts();
    const after = planNode(before, { config, facts }, { ...now, wallMs: T0 + 9000 }).node;
    expect(differs(before, after)).toBe(false);
    const lastHeartbeatTime = formatTimestamp(T0 + 9000);
    expect(planStatusPatch(before, after)).toEqual({
      status: {
        conditions: ['MemoryPressure', 'DiskPressure', 'PIDPressure', 'Ready'].map((type) => ({
          type,
          lastHeartbeatTime,
        })),
      },
    });
  });

  it('replaces addresses as a whole', () => {
    const addresses = [{ type: 'InternalIP', address: '10.0.0.9' }];
    const after = { ...before, status: { ...before.status, addresses } };
    expect(planStatusPatch(before, after)).toEqual({
      status: { addresses: [...addresses, { $patch: 'replace' }] },
    });
    expect(
      planStatusPatch({ metadata: before.metadata! }, { status: { addresses } })?.['status'],
    ).toEqual({ addresses });
  });

  it('removes members with null, and never touches spec', () => {
    const labels = { 'kubernetes.io/os': 'linux' };
    const after = { ...before, metadata: { ...before.metadata, labels }, spec: { podCIDR: 'x' } };
    expect(planStatusPatch(before, after)).toEqual({
      metadata: { labels: { 'kubernetes.io/arch': null } },
    });
  });
});
