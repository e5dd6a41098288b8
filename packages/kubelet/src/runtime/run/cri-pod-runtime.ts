import type { Clock, Logger } from '@nodeagent/base';
import {
  containerId,
  type ImageService,
  isCriError,
  type RuntimeService,
  sandboxId,
} from '@nodeagent/cri-client';
import type { KubeClient } from '@nodeagent/kube-client';
import type { NodeEvents } from '@nodeagent/node-status';

import type { PullCredentials } from '../../credentials/index.js';
import type { PullHistory, PullRecordFiles } from '../../images/index.js';
import type { PullRules } from '../../images/index.js';
import { Images, type PullMeter } from '../../images/run/index.js';
import type { PodChanges } from '../../observation/index.js';
import {
  LABEL_CONTAINER_NAME,
  LABEL_POD_NAME,
  LABEL_POD_NAMESPACE,
  type PodEvents,
  type PodRuntime,
  podUid,
} from '../../pod/index.js';
import type { PodCgroups } from '../../resources/run/index.js';
import type { ObjectSource } from '../../volumes/index.js';
import type { ContainerVolumes } from '../../volumes/run/index.js';
import type { RuntimeSettings } from '../model/settings.js';
import { logLinkName } from '../plan/log-link.js';
import type { ActuatedRecords, HookCaller, PodFiles, Surroundings } from '../ports.js';
import { ContainerStarter } from './container-starter.js';
import { stopContainer } from './container-stopper.js';
import { resizePod } from './pod-resizer.js';
import type { RuntimeMeter } from './runtime-metrics.js';
import { Sandboxes } from './sandboxes.js';
import type { UserNamespaces } from './user-namespaces.js';

export interface PodRuntimePorts {
  readonly cri: RuntimeService;
  /** Receives every change, so that the view of the runtime stays current. */
  readonly changes: PodChanges;
  /** Reads runtime classes. */
  readonly client: Pick<KubeClient, 'get'>;
  readonly images: ImageService;
  readonly files: PodFiles;
  readonly volumes: ContainerVolumes;
  readonly objects: ObjectSource;
  readonly credentials: PullCredentials;
  /** Records of image pulls, needed to verify pods' credentials. */
  readonly records?: PullRecordFiles | undefined;
  /** Meters image pulls; optional. */
  readonly pulls?: Pick<PullMeter, 'pulled' | 'ensured' | 'checked' | 'recorded'> | undefined;
  /** Called when a pull fails because the disk is full. */
  readonly onNoSpace?: (() => void) | undefined;
  /** Called once, if pulls are recorded. */
  readonly onRecords?: ((history: PullHistory) => void) | undefined;
  /** Assigns user ids to pods; without it no pod has its own. */
  readonly userNamespaces?: Pick<UserNamespaces, 'of'> | undefined;
  readonly cgroups: Pick<
    PodCgroups,
    'ensure' | 'fit' | 'parentOf' | 'limits' | 'wanted' | 'setLimits' | 'memoryUsage'
  >;
  /** Records of the containers' resources; needed only if resources may change later. */
  readonly resources?: ActuatedRecords | undefined;
  readonly surroundings: Surroundings;
  readonly events: PodEvents;
  /** Events on the node itself. */
  readonly nodeEvents?: Pick<NodeEvents, 'warning'> | undefined;
  readonly call: HookCaller;
  /** Without it, nothing is counted. */
  readonly meter?: RuntimeMeter | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Changes pods on a CRI runtime. */
export function createPodRuntime(
  ports: PodRuntimePorts,
  settings: RuntimeSettings,
  pulls: PullRules,
): PodRuntime {
  const { cri, files, changes } = ports;
  const images = new Images(ports, pulls);
  const sandboxes = new Sandboxes(ports, settings);
  const starter = new ContainerStarter(ports, settings, { images, sandboxes });
  /** Attempt numbers of the sandboxes that were created or observed here. */
  const attempts = new Map<string, number>();
  const attemptOf = async (id: string, signal: AbortSignal): Promise<number> => {
    const known = attempts.get(id);
    if (known !== undefined) return known;
    const { metadata } = await cri.podSandboxStatus(sandboxId(id), signal);
    attempts.set(id, metadata.attempt);
    return metadata.attempt;
  };
  return {
    createSandbox: async (pod, attempt, signal) => {
      const create = () => sandboxes.create(pod, attempt, signal);
      const id = await changes.making(podUid(pod), create, (made) => ({
        kind: 'sandbox',
        id: made,
      }));
      attempts.set(id, attempt);
      return id;
    },
    startContainer: async (request, signal) => {
      const { pod, sandboxId: home } = request;
      const attempt = await attemptOf(home, signal);
      const start = () => starter.start(request, attempt, signal);
      return changes.making(podUid(pod), start, (id) => ({
        kind: 'container',
        id,
        sandboxId: home,
      }));
    },
    stopContainer: (request, signal) =>
      changes.ending(request.containerId, () => stopContainer(request, ports, signal)),
    stopSandbox: (id, signal) => changes.ending(id, () => sandboxes.stop(id, signal)),
    resizePod: async (request, signal) => {
      try {
        await resizePod(request, ports, settings, signal);
      } finally {
        changes.forget(podUid(request.pod));
      }
    },
    removeContainer: (id, logs, signal) =>
      changes.ending(id, () => removeContainer({ id, logs }, { cri, files, settings }, signal)),
    removeSandbox: async (id, signal) => {
      await changes.ending(id, () => sandboxes.remove(id, signal));
      attempts.delete(id);
    },
  };
}

async function removeContainer(
  { id, logs }: Readonly<{ id: string; logs: 'remove' | 'keep' }>,
  { cri, files, settings }: Pick<PodRuntimePorts, 'cri' | 'files'> & { settings: RuntimeSettings },
  signal: AbortSignal,
): Promise<void> {
  try {
    const { labels, logPath, state } = await cri.containerStatus(containerId(id), signal);
    const metadata = {
      name: labels[LABEL_POD_NAME] ?? '',
      namespace: labels[LABEL_POD_NAMESPACE] ?? '',
    };
    const link = logLinkName({ metadata }, labels[LABEL_CONTAINER_NAME] ?? '', id);
    const path = `${settings.containerLogsDir}/${link}`;
    if (logPath !== '' && logs === 'remove') {
      // The rotation would reopen the missing log of a running container.
      if (state === 'running') await cri.stopContainer(containerId(id), 0, signal);
      await files.removeLogs(logPath, path);
    }
  } catch (error) {
    if (isCriError(error, 'CRI_NOT_FOUND')) return;
    throw error;
  }
  await cri.removeContainer(containerId(id), signal);
}
