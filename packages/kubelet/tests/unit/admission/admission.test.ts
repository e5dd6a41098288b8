import type { Node, Pod } from '@nodeagent/kube-client';
import { describe, expect, it } from 'vitest';

import {
  type AdmissionContext,
  chooseVictims,
  judgePod,
  type PodAdmissionRules,
  unsafeSysctlProblem,
} from '../../../src/admission/index.js';
import { aNode, aPod } from '../../../src/testing/index.js';

const asking = (requests: Record<string, string>, more: Partial<Parameters<typeof aPod>[0]> = {}) =>
  aPod({ containers: [{ resources: { requests } }], ...more });
const withPort = (hostPort: number, hostIP?: string): Pod =>
  aPod({
    containers: [
      { ports: [{ containerPort: 80, hostPort, ...(hostIP !== undefined && { hostIP }) }] },
    ],
  });
const affine = (key: string, operator: string, values?: string[]): Pod =>
  aPod({
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key, operator, ...(values && { values }) }] }],
        },
      },
    },
  });
const tainted = aNode({ spec: { taints: [{ key: 'k', value: 'v', effect: 'NoExecute' }] } });

interface Case {
  readonly name: string;
  readonly pod: Pod;
  readonly others?: readonly Pod[];
  readonly node?: Node | undefined;
  readonly context?: Partial<AdmissionContext>;
  readonly want: string | undefined;
  readonly message?: string;
}

const withSysctl = (name: string, more: object = {}): Pod =>
  aPod({ securityContext: { sysctls: [{ name, value: '1' }] }, ...more });
const sysctls = (...allowedUnsafe: string[]): { rules: PodAdmissionRules } => ({
  rules: { sysctls: { kernel: [6, 1], allowedUnsafe }, appArmor: false },
});
const RESTART_ALL = {
  action: 'RestartAllContainers',
  exitCodes: { operator: 'In', values: [42] },
};
const features = (
  declared: readonly string[],
  podLevelResources = true,
): { rules: PodAdmissionRules } => ({
  rules: {
    ...sysctls().rules,
    features: { declared: new Set(declared), podLevelResources },
  },
});
const forbidden = (name: string) => `forbidden sysctl: "${name}" not allowlisted`;
const confined = (profile: object, phase = 'Pending'): Pod =>
  aPod({
    containers: [{ securityContext: { appArmorProfile: profile } } as object],
    status: { phase },
  });
const critical = { priority: 2_000_000_000 };
const refusal = { reason: 'TopologyAffinityError', message: 'no room on one socket' };

const cases: readonly Case[] = [
  { name: 'an ordinary pod', pod: aPod(), want: undefined },
  { name: 'no node yet', pod: aPod(), node: undefined, want: 'InvalidNodeInfo' },
  { name: 'another system', pod: aPod({ os: { name: 'windows' } }), want: 'PodOSNotSupported' },
  {
    name: 'an OS label for another system',
    pod: aPod({ metadata: { name: 'w', labels: { 'kubernetes.io/os': 'windows' } } }),
    want: 'PodOSSelectorNodeLabelDoesNotMatch',
  },
  {
    name: 'exactly enough',
    pod: asking({ cpu: '500m' }),
    others: [asking({ cpu: '1500m' })],
    want: undefined,
  },
  {
    name: 'too much',
    pod: asking({ cpu: '501m' }),
    others: [asking({ cpu: '1500m' })],
    want: 'OutOfcpu',
    message: "Node didn't have enough resource: cpu, requested: 501, used: 1500, capacity: 2000",
  },
  { name: 'too much memory', pod: asking({ memory: '5Gi' }), want: 'OutOfmemory' },
  {
    name: 'a device that the node does not list is not judged here',
    pod: asking({ 'example.com/gpu': '1' }),
    want: undefined,
  },
  {
    name: 'overhead counts',
    pod: asking({ cpu: '2' }, { overhead: { cpu: '1m' } }),
    want: 'OutOfcpu',
  },
  {
    name: 'a large init container counts',
    pod: aPod({ initContainers: [{ name: 'i', resources: { requests: { cpu: '3' } } }] }),
    want: 'OutOfcpu',
  },
  {
    name: 'one pod too many',
    pod: aPod(),
    others: [aPod(), aPod()],
    node: aNode({ status: { allocatable: { pods: '2' } } }),
    want: 'OutOfpods',
  },
  { name: 'selector', pod: aPod({ nodeSelector: { disk: 'ssd' } }), want: 'NodeAffinity' },
  {
    name: 'affinity that holds',
    pod: affine('kubernetes.io/os', 'In', ['linux']),
    want: undefined,
  },
  {
    name: 'affinity that does not',
    pod: affine('kubernetes.io/os', 'NotIn', ['linux']),
    want: 'NodeAffinity',
  },
  {
    name: 'a label that must not exist, and does not',
    pod: affine('disk', 'DoesNotExist'),
    want: undefined,
  },
  { name: 'another node', pod: aPod({ nodeName: 'n2' }), want: 'NodeName' },
  { name: 'a port that is taken', pod: withPort(80), others: [withPort(80)], want: 'NodePorts' },
  {
    name: 'the same port on another address',
    pod: withPort(80, '10.0.0.1'),
    others: [withPort(80, '10.0.0.2')],
    want: undefined,
  },
  { name: 'a taint', pod: aPod(), node: tainted, want: 'TaintToleration' },
  {
    name: 'a taint that is tolerated',
    pod: aPod({ tolerations: [{ key: 'k', operator: 'Exists' }] }),
    node: tainted,
    want: undefined,
  },
  {
    name: 'a taint with another effect',
    pod: aPod(),
    node: aNode({ spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }),
    want: undefined,
  },
  {
    name: 'huge pages that the node does not have',
    pod: asking({ 'hugepages-2Mi': '4Mi' }),
    want: 'OutOfhugepages-2Mi',
  },
  {
    name: 'several resources that are too small: the first in order',
    pod: asking({ memory: '5Gi', cpu: '3', 'example.com/gpu': '2' }),
    want: 'OutOfcpu',
  },
  {
    name: 'too much, and another node: resources are checked first',
    pod: asking({ cpu: '3' }, { nodeName: 'n2' }),
    want: 'OutOfcpu',
  },
  {
    name: 'strict groups on a runtime without them',
    pod: aPod({ securityContext: { supplementalGroupsPolicy: 'Strict' } }),
    want: 'SupplementalGroupsPolicyNotSupported',
    message: 'SupplementalGroupsPolicy=Strict is not supported in this node',
  },
  {
    name: 'strict groups on a runtime with them',
    pod: aPod({ securityContext: { supplementalGroupsPolicy: 'Strict' } }),
    node: aNode({ status: { features: { supplementalGroupsPolicy: true } } }),
    want: undefined,
  },
  {
    name: 'a critical pod under pressure',
    pod: aPod(critical),
    context: { pressure: ['DiskPressure'] },
    want: undefined,
  },
  {
    name: 'an ordinary pod under pressure',
    pod: asking({ memory: '1Mi' }),
    context: { pressure: ['MemoryPressure', 'DiskPressure'] },
    want: 'Evicted',
    message: 'The node had condition: [MemoryPressure DiskPressure]. ',
  },
  {
    name: 'a pod that requests memory, when only memory is short',
    pod: asking({ memory: '1Mi' }),
    context: { pressure: ['MemoryPressure'] },
    want: undefined,
  },
  {
    name: 'a BestEffort pod when memory is short',
    pod: aPod(),
    context: { pressure: ['MemoryPressure'] },
    want: 'Evicted',
  },
  {
    name: 'a BestEffort pod that tolerates it',
    pod: aPod({
      tolerations: [{ key: 'node.kubernetes.io/memory-pressure', operator: 'Exists' }],
    }),
    context: { pressure: ['MemoryPressure'] },
    want: undefined,
  },
  {
    name: 'a safe sysctl',
    pod: withSysctl('net.ipv4.tcp_syncookies'),
    context: sysctls(),
    want: undefined,
  },
  {
    name: 'a safe sysctl, written with slashes',
    pod: withSysctl('net/ipv4/tcp_syncookies'),
    context: sysctls(),
    want: undefined,
  },
  {
    name: 'an unsafe sysctl',
    pod: withSysctl('kernel.msgmax'),
    context: sysctls(),
    want: 'SysctlForbidden',
    message: forbidden('kernel.msgmax'),
  },
  {
    name: 'an unsafe sysctl that is allowed',
    pod: withSysctl('kernel.msgmax'),
    context: sysctls('kernel.msg*'),
    want: undefined,
  },
  {
    name: 'a safe sysctl that this kernel does not namespace',
    pod: withSysctl('net.ipv4.tcp_rmem'),
    context: { rules: { sysctls: { kernel: [4, 14], allowedUnsafe: [] }, appArmor: false } },
    want: 'SysctlForbidden',
    message: forbidden('net.ipv4.tcp_rmem'),
  },
  {
    name: "a sysctl of the host's network",
    pod: withSysctl('net.ipv4.tcp_syncookies', { hostNetwork: true }),
    context: sysctls(),
    want: 'SysctlForbidden',
    message: 'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host Net enabled',
  },
  {
    name: "a sysctl of the host's IPC",
    pod: withSysctl('kernel.shm_rmid_forced', { hostIPC: true }),
    context: sysctls(),
    want: 'SysctlForbidden',
    message: 'forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host IPC enabled',
  },
  {
    name: 'a refusal of the resource managers, before the node is checked',
    pod: aPod(),
    node: undefined,
    context: { allocation: refusal },
    want: 'TopologyAffinityError',
  },
  {
    name: 'restarts of all containers where they are disabled',
    pod: aPod({ containers: [{ restartPolicyRules: [RESTART_ALL] }] }),
    context: features([]),
    want: 'PodFeatureUnsupported',
    message:
      'Pod requires node features that are not available: RestartAllContainersOnContainerExits',
  },
  {
    name: 'restarts of all containers',
    pod: aPod({ containers: [{ restartPolicyRules: [RESTART_ALL] }] }),
    context: features(['RestartAllContainersOnContainerExits']),
    want: undefined,
  },
  {
    name: 'its own user ids in the host network',
    pod: aPod({ hostNetwork: true, hostUsers: false }),
    context: features([]),
    want: 'PodFeatureUnsupported',
    message: 'Pod requires node features that are not available: UserNamespacesHostNetworkSupport',
  },
  {
    name: 'pod-level resources where they are disabled',
    pod: aPod({ resources: { requests: { cpu: '100m' } } }),
    context: features([], false),
    want: 'PodLevelResourcesNotSupported',
    message: 'PodLevelResources feature gate is disabled',
  },
  {
    name: 'AppArmor where there is none',
    pod: confined({ type: 'RuntimeDefault' }),
    context: sysctls(),
    want: 'AppArmor',
    message: 'Cannot enforce AppArmor: AppArmor is not enabled on the host',
  },
  {
    name: 'AppArmor requested by the deprecated annotation',
    pod: aPod({
      metadata: {
        name: 'web',
        annotations: { 'container.apparmor.security.beta.kubernetes.io/app': 'runtime/default' },
      },
    }),
    context: sysctls(),
    want: 'AppArmor',
  },
  {
    name: 'AppArmor unconfined',
    pod: confined({ type: 'Unconfined' }),
    context: sysctls(),
    want: undefined,
  },
  {
    name: 'AppArmor of a pod that already runs',
    pod: confined({ type: 'RuntimeDefault' }, 'Running'),
    context: sysctls(),
    want: undefined,
  },
  {
    name: 'a node that is shutting down',
    pod: aPod(),
    context: { shuttingDown: true },
    want: 'NodeShutdown',
    message: 'Pod was rejected as the node is shutting down.',
  },
  {
    name: 'a critical pod whose port is taken, on a full node: the port is the reason',
    pod: aPod({
      ...critical,
      containers: [
        { ports: [{ containerPort: 80, hostPort: 80 }], resources: { requests: { cpu: '3' } } },
      ],
    }),
    others: [withPort(80)],
    want: 'NodePorts',
  },
  {
    name: 'a critical pod for which no pod can be preempted',
    pod: asking({ cpu: '2150m' }, critical),
    others: [asking({ cpu: '1' })],
    want: 'UnexpectedAdmissionError',
    message:
      'Unexpected error while attempting to recover from admission failure: preemption: error ' +
      'finding a set of pods to preempt: no set of running pods found to reclaim resources: ' +
      '[(res: cpu, q: 150), ]',
  },
];

const judge = (row: Pick<Case, 'pod' | 'others' | 'context' | 'node'>) => {
  const node = 'node' in row ? row.node : aNode();
  return judgePod(row.pod, { node, others: row.others ?? [], isNodeFresh: true, ...row.context });
};

describe(judgePod, () => {
  it.each(cases)('$name: $want', (row) => {
    const judged = judge(row);
    const verdict = judged.kind === 'reject' ? judged.verdict : undefined;
    expect(verdict?.reason).toBe(row.want);
    if (row.message !== undefined) expect(verdict?.message).toBe(row.message);
  });

  it('requests the newest node if only its labels rule the pod out', () => {
    const pod = aPod({ nodeSelector: { disk: 'ssd' } });
    expect(judge({ pod, context: { isNodeFresh: false } }).kind).toBe('ask-node');
    const two = aPod({ nodeSelector: { disk: 'ssd' }, nodeName: 'n2' });
    expect(judge({ pod: two, context: { isNodeFresh: false } }).kind).toBe('reject');
  });

  it('preempts for a critical pod that only lacks resources', () => {
    const victim = aPod({ uid: 'v', containers: [{ resources: { requests: { cpu: '2' } } }] });
    const pod = asking({ cpu: '1' }, critical);
    expect(judge({ pod, others: [victim] })).toEqual({
      kind: 'preempt',
      victims: [victim],
      signal: 'cpu',
    });
    const shutdown = judge({ pod, others: [victim], context: { shuttingDown: true } });
    expect(shutdown.kind).toBe('reject');
  });
});

describe(unsafeSysctlProblem, () => {
  it.each(['kernel.shm*', 'kernel.msgmax', 'net.core.*', 'net/core/somaxconn', 'fs.mqueue.x'])(
    '%s may be allowed',
    (entry) => expect(unsafeSysctlProblem(entry)).toBeUndefined(),
  );
  it.each(['kernel.shm_*', 'vm.swappiness', '*'])('%s may not', (entry) => {
    expect(unsafeSysctlProblem(entry)).toBe(
      `the sysctls "${entry}" are not known to be namespaced`,
    );
  });
});

describe(chooseVictims, () => {
  const pod = (uid: string, parts: object = {}, requests = {}): Pod =>
    aPod({ uid, ...parts, containers: [{ resources: { requests } }] });
  const guaranteed = (uid: string, cpu: string): Pod => {
    const limits = { cpu, memory: '1Mi' };
    return aPod({ uid, containers: [{ resources: { limits, requests: limits } }] });
  };
  const short = (quantity: number, resource = 'cpu') => ({
    resource,
    requested: quantity,
    used: 10,
    capacity: 10,
  });
  const rows = [
    {
      name: 'the one that frees enough, not the larger one of a higher class',
      needs: [short(500)],
      others: [guaranteed('g', '2'), pod('b', {}, { cpu: '600m' })],
      want: ['b'],
    },
    {
      name: 'several small ones when no single one is enough',
      needs: [short(500)],
      others: [pod('b1', {}, { cpu: '300m' }), pod('b2', {}, { cpu: '250m' })],
      want: ['b1', 'b2'],
    },
    {
      name: 'the nearest first, and no more than needed',
      needs: [short(500)],
      others: [pod('b1', {}, { cpu: '300m' }), pod('b2', {}, { cpu: '501m' })],
      want: ['b2'],
    },
    {
      name: 'the later of two equals',
      needs: [short(100)],
      others: [pod('b1', {}, { cpu: '200m' }), pod('b2', {}, { cpu: '200m' })],
      want: ['b2'],
    },
    {
      name: 'the smaller of two that each free enough',
      needs: [short(100)],
      others: [pod('b1', {}, { cpu: '200m' }), pod('b2', {}, { cpu: '900m' })],
      want: ['b1'],
    },
    {
      name: 'a place among pods: BestEffort ones before others',
      needs: [short(1, 'pods')],
      others: [pod('b', {}, { cpu: '1m' }), pod('e')],
      want: ['e'],
    },
    {
      name: 'higher classes only for the rest that lower ones cannot free',
      needs: [short(1000)],
      others: [guaranteed('g', '700m'), pod('b', {}, { cpu: '400m' })],
      want: ['b', 'g'],
    },
    {
      name: 'critical pods never, except those of lower priority',
      needs: [short(100)],
      others: [
        pod('c', { priority: 2_000_000_000 }, { cpu: '1' }),
        pod('d', { priority: 2_000_001_000 }, { cpu: '1' }),
      ],
      preemptor: { priority: 2_000_000_500 },
      want: ['c'],
    },
  ];
  it.each(rows)('$name', ({ needs, others, want, preemptor = critical }) => {
    const found = chooseVictims(aPod(preemptor), needs, others);
    const uids = found.kind === 'victims' ? found.pods.map(({ metadata }) => metadata?.uid) : [];
    expect(uids).toEqual(want);
  });
});
