import type { Container, Node, Pod, PodSpec } from '@nodeagent/kube-client';

import {
  type ContainerObservation,
  type ContainerRunState,
  containerSpecHash,
  emptyObservation,
  type PodObservation,
  type SandboxObservation,
} from '../pod/index.js';

type PodParts = Omit<Partial<PodSpec>, 'containers' | 'initContainers'> & {
  readonly name?: string;
  readonly uid?: string;
  readonly metadata?: Pod['metadata'];
  readonly status?: Pod['status'];
  readonly containers?: readonly Partial<Container>[];
  readonly initContainers?: readonly Partial<Container>[];
};

/** A pod as the API serves it, with one container `app` by default. */
export function aPod(parts: PodParts = {}): Pod {
  const {
    name = 'web',
    uid = 'uid-1',
    metadata,
    status,
    containers,
    initContainers,
    ...spec
  } = parts;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'default',
      uid,
      creationTimestamp: '2026-01-01T00:00:00Z',
      ...metadata,
    },
    spec: {
      nodeName: 'n1',
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      ...spec,
      containers: (containers ?? [{}]).map(aContainerSpec),
      ...(initContainers && { initContainers: initContainers.map(aContainerSpec) }),
    },
    status: status ?? { phase: 'Pending' },
  };
}

/** A container `app` of image `app:1`, with these fields replaced. */
export function aContainerSpec(parts: Partial<Container> = {}): Container {
  return { name: 'app', image: 'app:1', ...parts };
}

/** A Linux node `n1` with 2 CPUs, 4 GiB and room for 110 pods. */
export function aNode(parts: Partial<Node> = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: 'n1',
      uid: 'node-uid',
      labels: { 'kubernetes.io/os': 'linux', 'kubernetes.io/hostname': 'n1' },
    },
    status: {
      allocatable: { cpu: '2', memory: '4Gi', pods: '110' },
      addresses: [{ type: 'InternalIP', address: '10.0.0.1' }],
    },
    ...parts,
  };
}

/** A ready sandbox with address 10.1.0.5, made one second after the epoch. */
export function aSandbox(parts: Partial<SandboxObservation> = {}): SandboxObservation {
  return {
    id: 'sandbox-0',
    attempt: 0,
    ready: true,
    createdAtMs: 1000,
    network: 'pod',
    ips: ['10.1.0.5'],
    ...parts,
  };
}

/** A running container of {@link aPod}'s default spec. */
export function aContainer(parts: Partial<ContainerObservation> = {}): ContainerObservation {
  const { name = 'app', image = `${name}:1` } = parts;
  return {
    id: `${name}-0`,
    sandboxId: 'sandbox-0',
    name,
    createdAtMs: 2000,
    restartCount: 0,
    specHash: containerSpecHash({ name, image }),
    image,
    imageRef: `sha256:${name}`,
    runtimeName: 'containerd',
    state: running(),
    ...parts,
  };
}

/** A container that has been running since the third second after the epoch. */
export function running(startedAtMs = 3000): ContainerRunState {
  return { kind: 'running', startedAtMs };
}

/** A container that ran from the third to the fourth second after the epoch. */
export function exited(exitCode = 0, finishedAtMs = 4000): ContainerRunState {
  return {
    kind: 'exited',
    startedAtMs: 3000,
    finishedAtMs,
    exitCode,
    reason: exitCode === 0 ? 'Completed' : 'Error',
    message: '',
  };
}

/** An observation of the runtime; its addresses are those of the newest sandbox. */
export function anObservation(
  sandboxes: readonly SandboxObservation[] = [],
  containers: readonly ContainerObservation[] = [],
): PodObservation {
  const [newest] = sandboxes;
  const podIps = newest?.ready === true ? newest.ips : [];
  return { ...emptyObservation(10_000), sandboxes, containers, podIps };
}
