import assert from 'node:assert/strict';
import { isIP } from 'node:net';

import {
  type Container,
  containerId,
  type ContainerStatus,
  type Sandbox,
  sandboxId,
  type SandboxStatus,
} from '@nodeagent/cri-client';
import { checkReader, mapped, mutatedTrees } from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { observedContainer, observedSandbox } from '../../src/observation/plan/observation.js';
import { ANNOTATION_HASH, ANNOTATION_RESTART_COUNT } from '../../src/pod/index.js';
import { podStatus } from '../../src/status/index.js';
import { anObservation, aPod } from '../../src/testing/index.js';
import { numbersOf } from './values.js';

const NOW_MS = Date.UTC(2026, 10, 23);
const POD = aPod();

const LABELS = {
  'io.kubernetes.container.name': 'app',
  'io.kubernetes.pod.name': 'web',
  'io.kubernetes.pod.namespace': 'default',
  'io.kubernetes.pod.uid': 'uid-1',
};
const ANNOTATIONS = { [ANNOTATION_HASH]: '1a2b3c', [ANNOTATION_RESTART_COUNT]: '3' };

const SANDBOX: Sandbox = {
  id: sandboxId('s1'),
  metadata: { name: 'web', uid: 'uid-1', namespace: 'default', attempt: 1 },
  state: 'ready',
  createdAtMs: NOW_MS - 60_000,
  labels: LABELS,
  annotations: {},
  runtimeHandler: '',
};

const CONTAINER: Container = {
  id: containerId('c1'),
  sandboxId: sandboxId('s1'),
  metadata: { name: 'app', attempt: 3 },
  image: { image: 'app:1', userSpecifiedImage: 'app:1' },
  imageRef: 'docker.io/library/app@sha256:aa',
  imageId: 'sha256:aa',
  state: 'exited',
  createdAtMs: NOW_MS - 50_000,
  labels: LABELS,
  annotations: ANNOTATIONS,
};

const STATUS = {
  ...CONTAINER,
  metadata: { name: 'app', attempt: 3 },
  image: { image: 'app:1' },
  startedAtMs: NOW_MS - 40_000,
  finishedAtMs: NOW_MS - 10_000,
  exitCode: 137,
  reason: 'OOMKilled',
  message: 'm',
  mounts: [{ containerPath: '/data', hostPath: '/x', readOnly: true, recursiveReadOnly: true }],
  logPath: '/var/log/pods/0.log',
  resources: { cpuPeriodUs: 100_000, cpuQuotaUs: 20_000, cpuShares: 102, memoryLimitBytes: 4096 },
  user: { uid: 1, gid: 2, supplementalGroups: [3, 4] },
  stopSignal: 'SIGTERM',
};

/** Objects of one pod, as the client decodes them. */
interface Shown {
  readonly sandbox: Sandbox;
  readonly sandboxStatus: SandboxStatus;
  readonly container: Container;
  readonly status: ContainerStatus;
}

const SAMPLES = (['created', 'running', 'exited'] as const).map((state) => ({
  sandbox: SANDBOX,
  sandboxStatus: {
    ...SANDBOX,
    ips: ['10.1.0.5', 'fd00::5'],
    namespaces: { network: 'pod', pid: 'container', ipc: 'pod' },
    containers: [],
  },
  container: { ...CONTAINER, state },
  status: { ...STATUS, state },
}));

/** The parts that the client's decoders always set; texts and numbers come from the runtime. */
const ALWAYS = new Set(['id', 'sandboxId', 'state', 'ips', 'mounts', 'labels', 'annotations']);

const shown = mapped(
  mutatedTrees(SAMPLES, {
    kinds: 'typed',
    keep: (path) =>
      path.length < 2 || (path.length === 2 && ALWAYS.has(String(path[1])) && path[1] !== 'ips'),
    required: (path) =>
      !['metadata', 'user', 'resources', 'namespaces'].includes(String(path.at(-1))),
  }),
  (value) => onTheWire(value, '') as Shown,
);

/** 64-bit nanoseconds, in milliseconds. */
const MOST_MS = 2 ** 63 / 1e6;

/** Numbers in the range of the protocol's fields; null means absent. */
function onTheWire(value: unknown, key: string): unknown {
  if (typeof value === 'number') {
    if (key.endsWith('Ms')) return Math.min(MOST_MS, Math.max(-MOST_MS, value));
    const most = ['exitCode', 'attempt'].includes(key) ? 2 ** 31 - 1 : 2 ** 63;
    return Math.trunc(Math.min(most, Math.max(-most, value)));
  }
  if (value === null) return undefined;
  if (Array.isArray(value)) {
    return value.filter((item) => item !== null).map((item) => onTheWire(item, key));
  }
  if (typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, onTheWire(member, name)]),
  );
}

describe('Any sandbox and any container that a runtime may report', () => {
  test('yields a status with addresses, times and numbers that an API server accepts', () =>
    checkReader({
      name: 'observedSandbox, observedContainer, podStatus',
      inputs: shown,
      read: ({ sandbox, sandboxStatus, container, status: ofContainer }) => {
        const seenSandbox = observedSandbox(sandbox, sandboxStatus);
        const more = { runtimeName: 'containerd', message: '', stopSignals: true };
        const seenContainer = observedContainer(container, ofContainer, more);
        const { restartCount } = seenContainer;
        assert.ok(Number.isInteger(restartCount) && restartCount >= 0, `${restartCount}`);
        const status = podStatus({
          pod: POD,
          previous: {},
          seen: anObservation([seenSandbox], [seenContainer]),
          probes: new Map(),
          waiting: new Map(),
          terminal: false,
          verdict: undefined,
          hostIps: ['10.0.0.1'],
          nowMs: NOW_MS,
        });
        for (const { ip = '' } of status.podIPs ?? []) assert.notEqual(isIP(ip), 0, ip);
        for (const number of numbersOf(status)) assert.ok(Number.isInteger(number), `${number}`);
        for (const { restartCount: count } of status.containerStatuses ?? []) {
          assert.ok(count < 2 ** 31, `restart count ${count}`);
        }
        for (const time of JSON.stringify(status).matchAll(
          /"(?:startedAt|finishedAt)":"([^"]*)"/g,
        )) {
          assert.match(time[1] ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
        }
      },
    }));
});
