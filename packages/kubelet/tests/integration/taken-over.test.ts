import { dirname, join } from 'node:path';

import type { SandboxConfig } from '@nodeagent/cri-client';
import { type Pod, PODS } from '@nodeagent/kube-client';
import { ifStarted, waitFor } from '@nodeagent/testbed';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { MemoryManifestFiles } from '../../src/testing/index.js';
import { NODE_NAME, type RealNode, type RunningKubelet, startRealNode } from './real-node.js';

const { signal } = new AbortController();
const PATH = '/etc/kubernetes/manifests/web.yaml';
const MANIFEST = `apiVersion: v1
kind: Pod
metadata:
  name: web
  labels: {tier: control-plane}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: web
    image: nodeagent.test/web:1
    resources: {requests: {cpu: 10m, memory: 1.5Mi}}
`;

/** The values that the kubelet of Kubernetes 1.36.2 computes for it on a node n1. */
const UID = '68ac69fd337b5c7710268464e9de1b22';
const CONTAINER_HASH = '9a048018';

const POD_LABELS = {
  'io.kubernetes.pod.name': 'web-n1',
  'io.kubernetes.pod.namespace': 'default',
  'io.kubernetes.pod.uid': UID,
};
const SOURCE = {
  'kubernetes.io/config.hash': UID,
  'kubernetes.io/config.seen': '2026-01-01T00:00:00.000000000Z',
  'kubernetes.io/config.source': 'file',
};

let node: RealNode;
let kubelet: RunningKubelet | undefined;
let containerId: string;
let mirror: Pod;

/** The pod as another kubelet created it: Kubernetes 1.36 pkg/kubelet/kuberuntime/labels.go. */
async function leavePod(): Promise<string> {
  const { runtime } = node.cri;
  const sandboxConfig: SandboxConfig = {
    metadata: { name: 'web-n1', namespace: 'default', uid: UID, attempt: 0 },
    hostname: 'web-n1',
    logDirectory: join(node.containerd.space.dir, `logs/pods/default_web-n1_${UID}`),
    labels: { tier: 'control-plane', ...POD_LABELS },
    annotations: SOURCE,
  };
  const sandboxId = await runtime.runPodSandbox({ config: sandboxConfig }, signal);
  const config = {
    metadata: { name: 'web', attempt: 0 },
    image: { image: 'nodeagent.test/web:1' },
    logPath: 'web/0.log',
    labels: { ...POD_LABELS, 'io.kubernetes.container.name': 'web' },
    annotations: {
      'io.kubernetes.container.hash': CONTAINER_HASH,
      'io.kubernetes.container.restartCount': '0',
      'io.kubernetes.container.terminationMessagePath': '/dev/termination-log',
      'io.kubernetes.container.terminationMessagePolicy': 'File',
      'io.kubernetes.pod.terminationGracePeriod': '1',
    },
  };
  const id = await runtime.createContainer({ sandboxId, config, sandboxConfig }, signal);
  await runtime.startContainer(id, signal);
  return id;
}

function leaveMirror(): Promise<Pod> {
  const annotations = { ...SOURCE, 'kubernetes.io/config.mirror': UID };
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web-n1', namespace: 'default', annotations },
    spec: {
      nodeName: NODE_NAME,
      containers: [{ name: 'web', image: 'nodeagent.test/web:1' }],
      // as every kubelet writes it: otherwise the new node's not-ready taint evicts the mirror
      tolerations: [{ operator: 'Exists', effect: 'NoExecute' }],
    },
  };
  return node.user.create(PODS, pod, signal);
}

beforeAll(async () => {
  node = await startRealNode('kubelet-taken-over');
  containerId = await leavePod();
  mirror = await leaveMirror();
  const manifests = new MemoryManifestFiles();
  manifests.write(PATH, MANIFEST);
  kubelet = node.startKubelet({ config: { staticPodPath: dirname(PATH) }, manifests });
});

afterAll(async () => {
  await kubelet?.stop();
  await ifStarted(node)?.stop();
});

describe('a static pod that the Go kubelet ran', () => {
  it('is taken over while it runs: same sandbox, same container, same mirror', async () => {
    const isReady = ({ status }: Pod): boolean =>
      status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ===
      true;
    const look = async (): Promise<Pod | undefined> => {
      const pod = await node.user.get(PODS, { namespace: 'default', name: 'web-n1' }, signal);
      return isReady(pod) ? pod : undefined;
    };
    const seen = await waitFor(look, { what: 'the mirror pod to be ready' });
    expect(seen.metadata?.uid).toBe(mirror.metadata?.uid);
    expect(seen.status?.containerStatuses).toMatchObject([
      { name: 'web', containerID: `containerd://${containerId}`, restartCount: 0 },
    ]);
    const containers = await node.cri.runtime.listContainers({}, signal);
    expect(containers.map(({ id, state }) => [id, state])).toEqual([[containerId, 'running']]);
    expect(await node.cri.runtime.listPodSandbox({}, signal)).toHaveLength(1);
  });
});
