import {
  type Container,
  containerId,
  type ContainerStatus,
  CriError,
  type Image,
  type ImageService,
  type RuntimeService,
  type Sandbox,
  sandboxId,
  type SandboxStatus,
} from '@nodeagent/cri-client';
import type { Pod } from '@nodeagent/kube-client';

import {
  type ContainerObservation,
  LABEL_CONTAINER_NAME,
  LABEL_POD_NAME,
  LABEL_POD_NAMESPACE,
  LABEL_POD_UID,
  podName,
  podNamespace,
  podUid,
} from '../../pod/index.js';
import type { PodState, RuntimeCall } from '../model/explanation.js';

/** A runtime that answers according to the given state, does nothing, and records its calls. */
export interface ImaginaryRuntime {
  readonly runtime: RuntimeService;
  readonly images: ImageService;
  readonly calls: RuntimeCall[];
}

export const NEW_SANDBOX = sandboxId('new-sandbox');

export function createImaginaryRuntime(pod: Pod, state: PodState): ImaginaryRuntime {
  const calls: RuntimeCall[] = [];
  const note = (method: string, request: unknown): void => {
    calls.push({ method, request });
  };
  return { calls, runtime: runtimeOf(pod, state, note), images: imagesOf(state, note) };
}

type Note = (method: string, request: unknown) => void;

function runtimeOf(pod: Pod, state: PodState, note: Note): RuntimeService {
  const labels = {
    [LABEL_POD_NAME]: podName(pod),
    [LABEL_POD_NAMESPACE]: podNamespace(pod),
    [LABEL_POD_UID]: podUid(pod),
  };
  const containers = state.seen.containers.map((seen) => containerOf(seen, labels));
  return {
    version: async () => ({
      version: '0.1.0',
      runtimeName: 'imaginary',
      runtimeVersion: '0',
      runtimeApiVersion: 'v1',
    }),
    runPodSandbox: async (request) => {
      note('RunPodSandbox', request);
      return NEW_SANDBOX;
    },
    stopPodSandbox: async (id) => note('StopPodSandbox', { podSandboxId: id }),
    removePodSandbox: async (id) => note('RemovePodSandbox', { podSandboxId: id }),
    createContainer: async (request) => {
      note('CreateContainer', request);
      return containerId(`new-${request.config.metadata.name}`);
    },
    startContainer: async (id) => note('StartContainer', { containerId: id }),
    stopContainer: async (id, graceMs) => {
      note('StopContainer', { containerId: id, timeout: graceMs / 1000 });
    },
    removeContainer: async (id) => note('RemoveContainer', { containerId: id }),
    execSync: async (request) => {
      note('ExecSync', request);
      return { stdout: new Uint8Array(), stderr: new Uint8Array(), exitCode: 0 };
    },
    updateContainerResources: async (request) => note('UpdateContainerResources', request),
    updatePodSandboxResources: async (request) => note('UpdatePodSandboxResources', request),
    listPodSandbox: async () => state.seen.sandboxes.map((seen) => sandboxOf(pod, seen)),
    podSandboxStatus: async (id) => sandboxStatus(pod, state, id),
    listContainers: async (filter) =>
      containers.filter(
        (one) =>
          (filter.id === undefined || filter.id === one.id) &&
          (filter.state === undefined || filter.state === one.state) &&
          Object.entries(filter.labels ?? {}).every(([key, value]) => one.labels[key] === value),
      ),
    containerStatus: async (id) => {
      const found = containers.find((one) => one.id === id);
      if (found !== undefined) return statusOf(found);
      throw new CriError('CRI_NOT_FOUND', `no container ${id}`, { method: 'ContainerStatus' });
    },
    statusInfo: refused('statusInfo'),
    status: refused('status'),
    runtimeConfig: refused('runtimeConfig'),
    updateRuntimeConfig: refused('updateRuntimeConfig'),
    podSandboxInfo: refused('podSandboxInfo'),
    containerInfo: refused('containerInfo'),
    reopenContainerLog: refused('reopenContainerLog'),
    checkpointContainer: refused('checkpointContainer'),
    exec: refused('exec'),
    attach: refused('attach'),
    portForward: refused('portForward'),
    containerStats: refused('containerStats'),
    listContainerStats: refused('listContainerStats'),
    podSandboxStats: refused('podSandboxStats'),
    listPodSandboxStats: refused('listPodSandboxStats'),
    listMetricDescriptors: refused('listMetricDescriptors'),
    listPodSandboxMetrics: refused('listPodSandboxMetrics'),
    streamPodSandboxes: refusedStream('streamPodSandboxes'),
    streamContainers: refusedStream('streamContainers'),
    streamContainerStats: refusedStream('streamContainerStats'),
    streamPodSandboxStats: refusedStream('streamPodSandboxStats'),
    streamPodSandboxMetrics: refusedStream('streamPodSandboxMetrics'),
    containerEvents: refusedStream('containerEvents'),
  };
}

function imagesOf(state: PodState, note: Note): ImageService {
  const pulled = new Set<string>();
  return {
    imageStatus: async ({ image }) => {
      const known = state.images.get(image);
      if (known?.present === false && !pulled.has(image)) return undefined;
      return imageOf(image, known?.user);
    },
    pullImage: async (request) => {
      note('PullImage', request);
      pulled.add(request.image.image);
      return request.image.image;
    },
    listImages: refused('listImages'),
    imageInfo: refused('imageInfo'),
    removeImage: refused('removeImage'),
    imageFsInfo: refused('imageFsInfo'),
    streamImages: refusedStream('streamImages'),
  };
}

function imageOf(image: string, user = '0'): Image {
  const who = /^\d+$/.test(user) ? { uid: Number(user) } : { username: user };
  return { id: image, repoTags: [image], repoDigests: [], sizeBytes: 0, pinned: false, ...who };
}

function containerOf(seen: ContainerObservation, podLabels: Container['labels']): Container {
  return {
    id: containerId(seen.id),
    sandboxId: sandboxId(seen.sandboxId),
    metadata: { name: seen.name, attempt: seen.restartCount },
    image: { image: seen.image },
    imageRef: seen.imageRef,
    imageId: seen.imageRef,
    state: seen.state.kind,
    createdAtMs: seen.createdAtMs,
    labels: { ...podLabels, [LABEL_CONTAINER_NAME]: seen.name },
    annotations: {},
  };
}

function statusOf(container: Container): ContainerStatus {
  const { id, state, createdAtMs, imageRef, imageId, labels, annotations } = container;
  return {
    ...{ id, state, createdAtMs, imageRef, imageId, labels, annotations },
    metadata: container.metadata ?? { name: '', attempt: 0 },
    image: container.image ?? { image: '' },
    ...{ exitCode: 0, reason: '', message: '', mounts: [], logPath: '' },
  };
}

function sandboxOf(pod: Pod, seen: PodState['seen']['sandboxes'][number]): Sandbox {
  const { id, attempt, ready, createdAtMs } = seen;
  return {
    id: sandboxId(id),
    metadata: { name: podName(pod), namespace: podNamespace(pod), uid: podUid(pod), attempt },
    state: ready ? 'ready' : 'not-ready',
    createdAtMs,
    labels: {},
    annotations: {},
    runtimeHandler: '',
  };
}

function sandboxStatus(pod: Pod, { seen }: PodState, id: string): SandboxStatus {
  const found = seen.sandboxes.find((one) => one.id === id);
  if (found === undefined) {
    throw new CriError('CRI_NOT_FOUND', `no sandbox ${id}`, { method: 'PodSandboxStatus' });
  }
  const { metadata, ...sandbox } = sandboxOf(pod, found);
  if (metadata === undefined) throw new TypeError('a sandbox has metadata');
  return { ...sandbox, metadata, ips: found.ips, containers: [] };
}

/** Any other call is a defect of the explanation, not of the pod. */
function refused(method: string): () => Promise<never> {
  return () => Promise.reject(new TypeError(`${method} is not supported in an explanation`));
}

function refusedStream(method: string): () => AsyncGenerator<never> {
  return async function* refuse() {
    yield await refused(method)();
  };
}
