import { toPathSegment } from '@nodeagent/base';
import type { Device, EnvVar, IdMapping, Mount, SandboxConfig } from '@nodeagent/cri-client';
import type { Container, Pod, Volume, VolumeMount } from '@nodeagent/kube-client';

import type { Images } from '../../images/run/index.js';
import { isHostNetwork, podUid, StartError } from '../../pod/index.js';
import type { ContainerVolumes } from '../../volumes/run/index.js';
import type { RuntimeSettings } from '../model/settings.js';
import { environmentLookup } from '../plan/environment.js';
import { podHostname } from '../plan/hostname.js';
import { renderHostsFile } from '../plan/hosts-file.js';
import { asksRecursiveReadOnly, isRecursiveReadOnly, subPathOf } from '../plan/mounts.js';
import type { PodFiles } from '../ports.js';
import type { RuntimeMeter } from './runtime-metrics.js';
import type { Sandboxes } from './sandboxes.js';

export interface MountsPorts {
  readonly files: PodFiles;
  readonly volumes: ContainerVolumes;
  readonly images: Pick<Images, 'ensure'>;
  readonly sandboxes: Pick<Sandboxes, 'features' | 'ids'>;
  readonly meter?: Pick<RuntimeMeter, 'imageVolume'> | undefined;
}

export interface MountsRequest {
  readonly pod: Pod;
  readonly container: Container;
  readonly podIps: readonly string[];
  readonly env: readonly EnvVar[];
  readonly sandbox: SandboxConfig;
}

/** Builds the mounts of one container. */
export class ContainerMounts {
  readonly #ports: MountsPorts;
  readonly #settings: RuntimeSettings;

  constructor(ports: MountsPorts, settings: RuntimeSettings) {
    this.#ports = ports;
    this.#settings = settings;
  }

  /**
   * The mounts in the order of the spec, then the hosts file, then the termination message file.
   *
   * @throws {StartError}
   */
  async build(request: MountsRequest, signal: AbortSignal): Promise<readonly Mount[]> {
    const { pod, container } = request;
    const wanted = container.volumeMounts ?? [];
    const needsFeatures = wanted.some(asksRecursiveReadOnly);
    const features = needsFeatures ? await this.#ports.sandboxes.features(pod, signal) : undefined;
    const ofVolumes = wanted.map((mount, index) => {
      const recursiveReadOnly = isRecursiveReadOnly(
        mount,
        features?.recursiveReadOnlyMounts ?? false,
      );
      return this.#ofVolume(request, { mount, index, recursiveReadOnly }, signal);
    });
    const mounts = await allOrFirst([...ofVolumes, ...this.#managed(request)]);
    const ids = await this.#ports.sandboxes.ids(pod, signal);
    return ids === undefined ? mounts : mounts.map((mount) => withIds(mount, ids));
  }

  /**
   * The block devices of a container, in the order of its spec.
   *
   * @throws {StartError}
   * @see Kubernetes 1.36 pkg/kubelet/kubelet_pods.go, makeBlockVolumes
   */
  devices(pod: Pod, container: Container): readonly Device[] {
    return (container.volumeDevices ?? []).map(({ name, devicePath }) => {
      const { hostPath, readOnly } = this.#ports.volumes.device(pod, container, name);
      return { hostPath, containerPath: devicePath, permissions: readOnly ? 'r' : 'mrw' };
    });
  }

  async #ofVolume(
    request: MountsRequest,
    {
      mount,
      index,
      recursiveReadOnly,
    }: Readonly<{ mount: VolumeMount; index: number; recursiveReadOnly: boolean }>,
    signal: AbortSignal,
  ): Promise<Mount> {
    const { pod, container, env } = request;
    const { mountPath } = mount;
    const subPath = subPathOf(mount, environmentLookup(env));
    const base = {
      containerPath: mountPath.startsWith('/') ? mountPath : `/${mountPath}`,
      propagation: PROPAGATION[mount.mountPropagation ?? 'None'] ?? 'private',
      ...(recursiveReadOnly && { recursiveReadOnly }),
    };
    const volume = pod.spec?.volumes?.find(({ name }) => name === mount.name);
    if (volume?.image !== undefined) {
      const image = await this.#image(request, volume.image, signal);
      return { ...base, readOnly: true, image, ...(subPath !== '' && { imageSubPath: subPath }) };
    }
    const source = await this.#ports.volumes.source({ pod, container, index, subPath }, signal);
    if (source === undefined) {
      const text = `cannot find volume ${JSON.stringify(mount.name)} to mount into container ${JSON.stringify(container.name)}`;
      throw new StartError('CreateContainerConfigError', text);
    }
    return {
      ...base,
      hostPath: source.hostPath,
      readOnly: mount.readOnly === true || source.readOnly,
      ...this.#relabelled(source.managed),
    };
  }

  async #image(
    { pod, sandbox }: MountsRequest,
    { reference = '', pullPolicy }: NonNullable<Volume['image']>,
    signal: AbortSignal,
  ): Promise<NonNullable<Mount['image']>> {
    const request = { pod, image: reference, policy: pullPolicy, sandbox };
    const { images, meter } = this.#ports;
    let isMounted = false;
    try {
      const { ref } = await images.ensure(request, signal);
      isMounted = true;
      const annotations = { ...pod.metadata?.annotations };
      return { image: ref, userSpecifiedImage: reference, annotations };
    } finally {
      meter?.imageVolume(isMounted);
    }
  }

  #managed({ pod, container, podIps }: MountsRequest): readonly Promise<Mount>[] {
    const managed: Promise<Mount>[] = [];
    const hasOwnHosts = container.volumeMounts?.some(({ mountPath }) => mountPath === '/etc/hosts');
    if (hasOwnHosts !== true && (podIps.length > 0 || isHostNetwork(pod))) {
      managed.push(this.#hosts(pod, podIps));
    }
    const containerPath = container.terminationMessagePath ?? '';
    if (containerPath !== '') managed.push(this.#message(pod, container.name, containerPath));
    return managed;
  }

  async #hosts(pod: Pod, podIps: readonly string[]): Promise<Mount> {
    const { files } = this.#ports;
    const ofHost = isHostNetwork(pod) ? await files.hostsOfHost() : '';
    const names = { ...podHostname(pod, this.#settings.clusterDomain), podIps };
    const hostPath = await files.writeHostsFile(podUid(pod), renderHostsFile(pod, names, ofHost));
    return { containerPath: '/etc/hosts', hostPath, ...this.#relabelled(true) };
  }

  async #message(pod: Pod, container: string, containerPath: string): Promise<Mount> {
    const hostPath = await this.#ports.files.createMessageFile(
      podUid(pod),
      toPathSegment(container, 'container name'),
    );
    return { containerPath, hostPath, ...this.#relabelled(true) };
  }

  #relabelled(wanted: boolean): { readonly selinuxRelabel?: true } {
    return wanted && this.#settings.selinux === true ? { selinuxRelabel: true } : {};
  }
}

const PROPAGATION: Readonly<Record<string, NonNullable<Mount['propagation']>>> = {
  None: 'private',
  HostToContainer: 'host-to-container',
  Bidirectional: 'bidirectional',
};

/** Maps the owners of host files to users of the container. */
function withIds(mount: Mount, ids: IdMapping): Mount {
  return { ...mount, uidMappings: [ids], gidMappings: [ids] };
}

/**
 * Like Promise.all, but settles only after all promises have settled, so that nothing still runs
 * after a failure.
 */
export async function allOrFirst<T extends readonly Promise<unknown>[] | []>(
  work: T,
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
