import type { ImageMethod, ImageService, RuntimeMethod, RuntimeService } from '../ports.js';

/** A call that is about to be made. */
export type CriCall<M extends string> =
  | Readonly<{ method: Exclude<M, 'runPodSandbox'> }>
  /** `runtimeHandler` is empty for the runtime's default. */
  | Readonly<{ method: Extract<M, 'runPodSandbox'>; runtimeHandler: string }>;

/** Makes the call, once, and passes on its answer or failure; may look at the time before and after. */
export type Around<M extends string> = <R>(call: CriCall<M>, make: () => Promise<R>) => Promise<R>;

/** The same service, with something done around each call that answers once; streams pass as they are. */
export function aroundRuntime(
  runtime: RuntimeService,
  around: Around<RuntimeMethod>,
): RuntimeService {
  return {
    runPodSandbox: (request, signal) => {
      const { runtimeHandler = '' } = request;
      const call = { method: 'runPodSandbox', runtimeHandler } as const;
      return around(call, () => runtime.runPodSandbox(request, signal));
    },
    version: (signal) => around({ method: 'version' }, () => runtime.version(signal)),
    status: (signal) => around({ method: 'status' }, () => runtime.status(signal)),
    statusInfo: (signal) => around({ method: 'statusInfo' }, () => runtime.statusInfo(signal)),
    runtimeConfig: (signal) =>
      around({ method: 'runtimeConfig' }, () => runtime.runtimeConfig(signal)),
    updateRuntimeConfig: (podCidr, signal) =>
      around({ method: 'updateRuntimeConfig' }, () => runtime.updateRuntimeConfig(podCidr, signal)),
    stopPodSandbox: (id, signal) =>
      around({ method: 'stopPodSandbox' }, () => runtime.stopPodSandbox(id, signal)),
    removePodSandbox: (id, signal) =>
      around({ method: 'removePodSandbox' }, () => runtime.removePodSandbox(id, signal)),
    podSandboxStatus: (id, signal) =>
      around({ method: 'podSandboxStatus' }, () => runtime.podSandboxStatus(id, signal)),
    podSandboxInfo: (id, signal) =>
      around({ method: 'podSandboxInfo' }, () => runtime.podSandboxInfo(id, signal)),
    listPodSandbox: (filter, signal) =>
      around({ method: 'listPodSandbox' }, () => runtime.listPodSandbox(filter, signal)),
    updatePodSandboxResources: (request, signal) =>
      around({ method: 'updatePodSandboxResources' }, () =>
        runtime.updatePodSandboxResources(request, signal),
      ),
    createContainer: (request, signal) =>
      around({ method: 'createContainer' }, () => runtime.createContainer(request, signal)),
    startContainer: (id, signal) =>
      around({ method: 'startContainer' }, () => runtime.startContainer(id, signal)),
    stopContainer: (id, graceMs, signal) =>
      around({ method: 'stopContainer' }, () => runtime.stopContainer(id, graceMs, signal)),
    removeContainer: (id, signal) =>
      around({ method: 'removeContainer' }, () => runtime.removeContainer(id, signal)),
    containerStatus: (id, signal) =>
      around({ method: 'containerStatus' }, () => runtime.containerStatus(id, signal)),
    containerInfo: (id, signal) =>
      around({ method: 'containerInfo' }, () => runtime.containerInfo(id, signal)),
    listContainers: (filter, signal) =>
      around({ method: 'listContainers' }, () => runtime.listContainers(filter, signal)),
    updateContainerResources: (request, signal) =>
      around({ method: 'updateContainerResources' }, () =>
        runtime.updateContainerResources(request, signal),
      ),
    reopenContainerLog: (id, signal) =>
      around({ method: 'reopenContainerLog' }, () => runtime.reopenContainerLog(id, signal)),
    checkpointContainer: (request, signal) =>
      around({ method: 'checkpointContainer' }, () => runtime.checkpointContainer(request, signal)),
    execSync: (request, signal) =>
      around({ method: 'execSync' }, () => runtime.execSync(request, signal)),
    exec: (request, signal) => around({ method: 'exec' }, () => runtime.exec(request, signal)),
    attach: (request, signal) =>
      around({ method: 'attach' }, () => runtime.attach(request, signal)),
    portForward: (request, signal) =>
      around({ method: 'portForward' }, () => runtime.portForward(request, signal)),
    containerStats: (id, signal) =>
      around({ method: 'containerStats' }, () => runtime.containerStats(id, signal)),
    listContainerStats: (filter, signal) =>
      around({ method: 'listContainerStats' }, () => runtime.listContainerStats(filter, signal)),
    podSandboxStats: (id, signal) =>
      around({ method: 'podSandboxStats' }, () => runtime.podSandboxStats(id, signal)),
    listPodSandboxStats: (filter, signal) =>
      around({ method: 'listPodSandboxStats' }, () => runtime.listPodSandboxStats(filter, signal)),
    listMetricDescriptors: (signal) =>
      around({ method: 'listMetricDescriptors' }, () => runtime.listMetricDescriptors(signal)),
    listPodSandboxMetrics: (signal) =>
      around({ method: 'listPodSandboxMetrics' }, () => runtime.listPodSandboxMetrics(signal)),
    streamPodSandboxes: (filter, signal) => runtime.streamPodSandboxes(filter, signal),
    streamContainers: (filter, signal) => runtime.streamContainers(filter, signal),
    streamContainerStats: (filter, signal) => runtime.streamContainerStats(filter, signal),
    streamPodSandboxStats: (filter, signal) => runtime.streamPodSandboxStats(filter, signal),
    streamPodSandboxMetrics: (signal) => runtime.streamPodSandboxMetrics(signal),
    containerEvents: (signal) => runtime.containerEvents(signal),
  };
}

/** As {@link aroundRuntime}, for images. */
export function aroundImages(images: ImageService, around: Around<ImageMethod>): ImageService {
  return {
    listImages: (filter, signal) =>
      around({ method: 'listImages' }, () => images.listImages(filter, signal)),
    imageStatus: (image, signal) =>
      around({ method: 'imageStatus' }, () => images.imageStatus(image, signal)),
    imageInfo: (image, signal) =>
      around({ method: 'imageInfo' }, () => images.imageInfo(image, signal)),
    pullImage: (request, signal) =>
      around({ method: 'pullImage' }, () => images.pullImage(request, signal)),
    removeImage: (image, signal) =>
      around({ method: 'removeImage' }, () => images.removeImage(image, signal)),
    imageFsInfo: (signal) => around({ method: 'imageFsInfo' }, () => images.imageFsInfo(signal)),
    streamImages: (filter, signal) => images.streamImages(filter, signal),
  };
}
