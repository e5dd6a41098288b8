import type { WireMethod } from '@nodeagent/unix-grpc/client';
import type { Writer } from 'protobufjs';

import { runtime } from './generated/runtime-v1.js';

interface Encoder<T> {
  encode(message: T): Writer;
}

interface Decoder<T> {
  decode(bytes: Uint8Array): T;
}

function method<Request, Reply>(
  name: string,
  request: Encoder<Request>,
  reply: Decoder<Reply>,
): WireMethod<Request, Reply> {
  return {
    name,
    path: `/runtime.v1.${name}`,
    // under Node the library's writer makes Buffers, although its type does not say so
    serialize: (message) => request.encode(message).finish() as Buffer,
    deserialize: (bytes) => reply.decode(bytes),
  };
}

const { v1 } = runtime;

export const RUNTIME = {
  version: method('RuntimeService/Version', v1.VersionRequest, v1.VersionResponse),
  runPodSandbox: method(
    'RuntimeService/RunPodSandbox',
    v1.RunPodSandboxRequest,
    v1.RunPodSandboxResponse,
  ),
  stopPodSandbox: method(
    'RuntimeService/StopPodSandbox',
    v1.StopPodSandboxRequest,
    v1.StopPodSandboxResponse,
  ),
  removePodSandbox: method(
    'RuntimeService/RemovePodSandbox',
    v1.RemovePodSandboxRequest,
    v1.RemovePodSandboxResponse,
  ),
  podSandboxStatus: method(
    'RuntimeService/PodSandboxStatus',
    v1.PodSandboxStatusRequest,
    v1.PodSandboxStatusResponse,
  ),
  listPodSandbox: method(
    'RuntimeService/ListPodSandbox',
    v1.ListPodSandboxRequest,
    v1.ListPodSandboxResponse,
  ),
  streamPodSandboxes: method(
    'RuntimeService/StreamPodSandboxes',
    v1.StreamPodSandboxesRequest,
    v1.StreamPodSandboxesResponse,
  ),
  createContainer: method(
    'RuntimeService/CreateContainer',
    v1.CreateContainerRequest,
    v1.CreateContainerResponse,
  ),
  startContainer: method(
    'RuntimeService/StartContainer',
    v1.StartContainerRequest,
    v1.StartContainerResponse,
  ),
  stopContainer: method(
    'RuntimeService/StopContainer',
    v1.StopContainerRequest,
    v1.StopContainerResponse,
  ),
  removeContainer: method(
    'RuntimeService/RemoveContainer',
    v1.RemoveContainerRequest,
    v1.RemoveContainerResponse,
  ),
  listContainers: method(
    'RuntimeService/ListContainers',
    v1.ListContainersRequest,
    v1.ListContainersResponse,
  ),
  streamContainers: method(
    'RuntimeService/StreamContainers',
    v1.StreamContainersRequest,
    v1.StreamContainersResponse,
  ),
  containerStatus: method(
    'RuntimeService/ContainerStatus',
    v1.ContainerStatusRequest,
    v1.ContainerStatusResponse,
  ),
  updateContainerResources: method(
    'RuntimeService/UpdateContainerResources',
    v1.UpdateContainerResourcesRequest,
    v1.UpdateContainerResourcesResponse,
  ),
  reopenContainerLog: method(
    'RuntimeService/ReopenContainerLog',
    v1.ReopenContainerLogRequest,
    v1.ReopenContainerLogResponse,
  ),
  execSync: method('RuntimeService/ExecSync', v1.ExecSyncRequest, v1.ExecSyncResponse),
  exec: method('RuntimeService/Exec', v1.ExecRequest, v1.ExecResponse),
  attach: method('RuntimeService/Attach', v1.AttachRequest, v1.AttachResponse),
  portForward: method('RuntimeService/PortForward', v1.PortForwardRequest, v1.PortForwardResponse),
  containerStats: method(
    'RuntimeService/ContainerStats',
    v1.ContainerStatsRequest,
    v1.ContainerStatsResponse,
  ),
  listContainerStats: method(
    'RuntimeService/ListContainerStats',
    v1.ListContainerStatsRequest,
    v1.ListContainerStatsResponse,
  ),
  streamContainerStats: method(
    'RuntimeService/StreamContainerStats',
    v1.StreamContainerStatsRequest,
    v1.StreamContainerStatsResponse,
  ),
  podSandboxStats: method(
    'RuntimeService/PodSandboxStats',
    v1.PodSandboxStatsRequest,
    v1.PodSandboxStatsResponse,
  ),
  listPodSandboxStats: method(
    'RuntimeService/ListPodSandboxStats',
    v1.ListPodSandboxStatsRequest,
    v1.ListPodSandboxStatsResponse,
  ),
  streamPodSandboxStats: method(
    'RuntimeService/StreamPodSandboxStats',
    v1.StreamPodSandboxStatsRequest,
    v1.StreamPodSandboxStatsResponse,
  ),
  updateRuntimeConfig: method(
    'RuntimeService/UpdateRuntimeConfig',
    v1.UpdateRuntimeConfigRequest,
    v1.UpdateRuntimeConfigResponse,
  ),
  status: method('RuntimeService/Status', v1.StatusRequest, v1.StatusResponse),
  checkpointContainer: method(
    'RuntimeService/CheckpointContainer',
    v1.CheckpointContainerRequest,
    v1.CheckpointContainerResponse,
  ),
  getContainerEvents: method(
    'RuntimeService/GetContainerEvents',
    v1.GetEventsRequest,
    v1.ContainerEventResponse,
  ),
  listMetricDescriptors: method(
    'RuntimeService/ListMetricDescriptors',
    v1.ListMetricDescriptorsRequest,
    v1.ListMetricDescriptorsResponse,
  ),
  listPodSandboxMetrics: method(
    'RuntimeService/ListPodSandboxMetrics',
    v1.ListPodSandboxMetricsRequest,
    v1.ListPodSandboxMetricsResponse,
  ),
  streamPodSandboxMetrics: method(
    'RuntimeService/StreamPodSandboxMetrics',
    v1.StreamPodSandboxMetricsRequest,
    v1.StreamPodSandboxMetricsResponse,
  ),
  runtimeConfig: method(
    'RuntimeService/RuntimeConfig',
    v1.RuntimeConfigRequest,
    v1.RuntimeConfigResponse,
  ),
  updatePodSandboxResources: method(
    'RuntimeService/UpdatePodSandboxResources',
    v1.UpdatePodSandboxResourcesRequest,
    v1.UpdatePodSandboxResourcesResponse,
  ),
};

export const IMAGES = {
  listImages: method('ImageService/ListImages', v1.ListImagesRequest, v1.ListImagesResponse),
  streamImages: method(
    'ImageService/StreamImages',
    v1.StreamImagesRequest,
    v1.StreamImagesResponse,
  ),
  imageStatus: method('ImageService/ImageStatus', v1.ImageStatusRequest, v1.ImageStatusResponse),
  pullImage: method('ImageService/PullImage', v1.PullImageRequest, v1.PullImageResponse),
  removeImage: method('ImageService/RemoveImage', v1.RemoveImageRequest, v1.RemoveImageResponse),
  imageFsInfo: method('ImageService/ImageFsInfo', v1.ImageFsInfoRequest, v1.ImageFsInfoResponse),
};
