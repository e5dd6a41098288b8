import assert from 'node:assert/strict';

import {
  checkReader,
  mapped,
  mutatedBytes,
  mutatedTrees,
  oneOf,
} from '@nodeagent/testbed/mutations';
import { describe, test } from 'vitest';

import { runtime } from '../../src/adapters/generated/runtime-v1.js';
import { decodeContainer, decodeContainerStatus } from '../../src/codec/container.js';
import { decodeContainerEvent } from '../../src/codec/event.js';
import { decodeImage } from '../../src/codec/image.js';
import { decodeRuntimeStatus } from '../../src/codec/runtime.js';
import { decodeSandbox, decodeSandboxStatusReply } from '../../src/codec/sandbox.js';
import { decodeContainerStats } from '../../src/codec/stats.js';

const { v1 } = runtime;

const METADATA = { name: 'web', uid: 'u-1', namespace: 'default', attempt: 1 };
const LABELS = { app: 'web', 'io.kubernetes.pod.uid': 'u-1' };
const TIME_NS = 1_795_000_000_000_000;

const CONTAINER_STATUS = {
  id: 'c1',
  metadata: { name: 'web', attempt: 2 },
  state: 1,
  createdAt: TIME_NS,
  startedAt: TIME_NS,
  finishedAt: TIME_NS,
  exitCode: -1,
  image: { image: 'busybox:latest', annotations: LABELS },
  imageRef: 'docker.io/library/busybox@sha256:aa',
  reason: 'Error',
  message: 'm',
  labels: LABELS,
  annotations: LABELS,
  mounts: [{ containerPath: '/data', hostPath: '/x', readonly: true, propagation: 2 }],
  logPath: '/var/log/0.log',
  resources: { linux: { cpuPeriod: 100_000, cpuQuota: -1, unified: LABELS } },
  user: { linux: { uid: 1, gid: 2, supplementalGroups: [3, 4] } },
  stopSignal: 15,
};

const SANDBOX_STATUS = {
  id: 's1',
  metadata: METADATA,
  createdAt: TIME_NS,
  network: { ip: '10.0.0.9', additionalIps: [{ ip: 'fd00::9' }] },
  linux: { namespaces: { options: { network: 0, pid: 1, ipc: 0 } } },
  labels: LABELS,
  annotations: LABELS,
};

interface MessageType<P, M> {
  encode(message: P): { finish(): Uint8Array };
  decode(bytes: Uint8Array): M;
}

/**
 * Feeds a runtime's bytes to the protobuf library and the codec: corrupted ones, and whole messages
 * whose fields are absent, empty or absurd.
 */
async function checkReply<P, M>(
  name: string,
  type: MessageType<P, M>,
  sample: P,
  read: (reply: M) => unknown,
): Promise<void> {
  const odd = mapped(
    mutatedTrees([sample], { kinds: 'typed', keep: (path) => path.length === 0 }),
    (message) => Buffer.from(type.encode(onlyOfItsKind(message) as P).finish()),
  );
  const inputs = oneOf(mutatedBytes([type.encode(sample).finish()]), odd);
  let reached = 0;
  await checkReader({
    name,
    inputs,
    read: (bytes) => {
      let reply: M;
      try {
        reply = type.decode(bytes);
      } catch {
        return; // the channel turns the protobuf library's errors into CRI_BAD_REPLY
      }
      reached += 1;
      for (const number of numbersOf(read(reply))) assert.ok(!Number.isNaN(number), name);
    },
    share: 1000,
  });
  assert.ok(reached > 0, 'no mutation reached the codec');
}

describe('Malformed replies of a runtime', () => {
  test('are the status of a container', () =>
    checkReply(
      'decodeContainerStatus',
      v1.ContainerStatusResponse,
      { status: CONTAINER_STATUS, info: LABELS },
      ({ status }) => decodeContainerStatus(status ?? {}),
    ));

  test('are the status of a sandbox', () =>
    checkReply(
      'decodeSandboxStatusReply',
      v1.PodSandboxStatusResponse,
      {
        status: SANDBOX_STATUS,
        containersStatuses: [CONTAINER_STATUS],
        timestamp: TIME_NS,
      },
      decodeSandboxStatusReply,
    ));

  test('are lists of containers, sandboxes and images', async () => {
    const { image, imageRef, labels, metadata, state, createdAt, id } = CONTAINER_STATUS;
    const container = {
      id,
      podSandboxId: 's1',
      metadata,
      image,
      imageRef,
      state,
      createdAt,
      labels,
    };
    await checkReply(
      'decodeContainer',
      v1.ListContainersResponse,
      { containers: [container] },
      ({ containers }) => containers.map(decodeContainer),
    );
    await checkReply(
      'decodeSandbox',
      v1.ListPodSandboxResponse,
      {
        items: [{ id: 's1', metadata: METADATA, state: 0, createdAt, labels }],
      },
      ({ items }) => items.map(decodeSandbox),
    );
    await checkReply(
      'decodeImage',
      v1.ListImagesResponse,
      {
        images: [
          { id: 'sha256:aa', repoTags: ['a:b'], size: 1000, uid: { value: 5 }, spec: image },
        ],
      },
      ({ images }) => images.map(decodeImage),
    );
  });

  test('are events, conditions and figures', async () => {
    await checkReply(
      'decodeContainerEvent',
      v1.ContainerEventResponse,
      {
        containerId: 'c1',
        containerEventType: 2,
        createdAt: TIME_NS,
        podSandboxStatus: SANDBOX_STATUS,
        containersStatuses: [CONTAINER_STATUS],
      },
      decodeContainerEvent,
    );
    await checkReply(
      'decodeRuntimeStatus',
      v1.StatusResponse,
      {
        status: { conditions: [{ type: 'RuntimeReady', status: true, reason: 'r', message: 'm' }] },
        runtimeHandlers: [{ name: 'runc', features: { userNamespaces: true } }],
      },
      decodeRuntimeStatus,
    );
    await checkReply(
      'decodeContainerStats',
      v1.ListContainerStatsResponse,
      {
        stats: [
          {
            attributes: { id: 'c1', metadata: { name: 'web' }, labels: LABELS },
            cpu: { timestamp: TIME_NS, usageCoreNanoSeconds: { value: 5 } },
            memory: { timestamp: TIME_NS, workingSetBytes: { value: 4096 } },
            writableLayer: { timestamp: TIME_NS, usedBytes: { value: 1 } },
          },
        ],
      },
      ({ stats }) => stats.map((each) => decodeContainerStats(each)),
    );
  });
});

function numbersOf(value: unknown): readonly number[] {
  if (typeof value === 'number') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(numbersOf);
}

/** Removes values that no bytes can encode: null becomes absent, and gaps in lists are closed. */
function onlyOfItsKind(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? Math.trunc(value) : 0;
  if (Array.isArray(value)) return value.filter((item) => item !== null).map(onlyOfItsKind);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== null)
      .map(([name, member]) => [name, onlyOfItsKind(member)]),
  );
}
