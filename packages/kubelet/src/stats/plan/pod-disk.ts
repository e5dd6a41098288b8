import { join } from 'node:path/posix';

import { toPathSegment } from '@nodeagent/base';
import type { Pod, Volume } from '@nodeagent/kube-client';

import { podName, podNamespace, podUid } from '../../pod/index.js';
import { managedKind, podDir, volumeDirs, volumeName } from '../../volumes/index.js';

export interface DiskPlaces {
  readonly rootDir: string;
  readonly podLogsDir: string;
}

/** Directories of a pod to measure. */
export interface PodDirectories {
  readonly volumes: readonly Readonly<{ name: string; path: string; isEphemeral: boolean }>[];
  readonly logs: readonly Readonly<{ container: string; path: string }>[];
  /** Contains files that the kubelet creates for the pod. */
  readonly own: string;
}

export function podDirectories(pod: Pod, { rootDir, podLogsDir }: DiskPlaces): PodDirectories {
  const uid = podUid(pod);
  const {
    volumes = [],
    containers = [],
    initContainers = [],
    ephemeralContainers = [],
  } = pod.spec ?? {};
  const namespace = toPathSegment(podNamespace(pod), 'metadata.namespace');
  const podLogs = `${namespace}_${toPathSegment(podName(pod), 'metadata.name')}_${uid}`;
  return {
    volumes: volumes.flatMap((volume) => {
      const kind = managedKind(volume);
      if (kind === undefined) return [];
      const { content } = volumeDirs(rootDir, uid, { kind, name: volumeName(volume) });
      return [{ name: volume.name, path: content, isEphemeral: isEphemeral(volume) }];
    }),
    logs: [...containers, ...initContainers, ...ephemeralContainers].map(({ name }) => {
      return {
        container: name,
        path: join(podLogsDir, podLogs, toPathSegment(name, 'container name')),
      };
    }),
    own: `${podDir(rootDir, uid)}/etc-hosts`,
  };
}

/** @see Kubernetes 1.36 pkg/volume/util/util.go, IsLocalEphemeralVolume */
function isEphemeral({ emptyDir, configMap }: Volume): boolean {
  return configMap !== undefined || (emptyDir !== undefined && (emptyDir.medium ?? '') === '');
}
