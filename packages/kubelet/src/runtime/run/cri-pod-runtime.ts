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
import type { PullRecordFiles } from '../../images/index.js';
import type { PullRules } from '../../images/index.js';
import { Images, type PullMeter } from '../../images/run/index.js';
import { Observer } from '../../observation/run/index.js';
import {
  LABEL_CONTAINER_NAME,
  LABEL_POD_NAME,
  LABEL_POD_NAMESPACE,
  LABEL_POD_UID,
  type PodEvents,
  type PodRuntime,
  podUid,
  type RuntimePod,
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
import { Sandboxes } from './sandboxes.js';
import type { UserNamespaces } from './user-namespaces.js';

export interface PodRuntimePorts {
  readonly cri: RuntimeService;
  /** For runtime classes. */
  readonly client: Pick<KubeClient, 'get'>;
  readonly images: ImageService;
  readonly files: PodFiles;
  readonly volumes: ContainerVolumes;
  readonly objects: ObjectSource;
  readonly credentials: PullCredentials;
  /** Where it is written down who pulled which image; needed to verify pods' credentials. */
  readonly records?: PullRecordFiles | undefined;
  /** Told of images that were pulled; nothing is measured without. */
  readonly pulls?: Pick<PullMeter, 'pulled'> | undefined;
  /** Gives pods user ids of their own; without it no pod has any. */
  readonly userNamespaces?: Pick<UserNamespaces, 'of'> | undefined;
  readonly cgroups: Pick<
    PodCgroups,
    'ensure' | 'fit' | 'parentOf' | 'limits' | 'wanted' | 'setLimits' | 'memoryUsage'
  >;
  /** What containers were given is kept there, where they may be given something else later. */
  readonly resources?: ActuatedRecords | undefined;
  readonly surroundings: Surroundings;
  readonly events: PodEvents;
  /** For what concerns every pod of the node. */
  readonly nodeEvents?: Pick<NodeEvents, 'warning'> | undefined;
  readonly call: HookCaller;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Pods on a CRI runtime. */
export function createPodRuntime(
  ports: PodRuntimePorts,
  settings: RuntimeSettings,
  pulls: PullRules,
): PodRuntime {
  const { cri, files } = ports;
  const observer = new Observer({ ...ports, stopSignals: settings.stopSignals });
  const images = new Images(ports, pulls);
  const sandboxes = new Sandboxes(ports, settings);
  const starter = new ContainerStarter(ports, settings, { images, sandboxes });
  /** Of sandboxes that were made or seen here; a number each. */
  const attempts = new Map<string, number>();
  const attemptOf = async (id: string, signal: AbortSignal): Promise<number> => {
    const known = attempts.get(id);
    if (known !== undefined) return known;
    const { metadata } = await cri.podSandboxStatus(sandboxId(id), signal);
    attempts.set(id, metadata.attempt);
    return metadata.attempt;
  };
  const changing = (id: string, act: () => Promise<void>): Promise<void> => {
    const uid = observer.podOf(id);
    return uid === undefined ? act() : observer.changing(uid, act);
  };
  return {
    observe: (uid, signal) => observer.observe(uid, signal),
    noticed: (uid) => observer.noticed(uid),
    compare: (uid, told) => observer.compare(uid, told),
    listPods: async (signal) => {
      const pods = await listPods(cri, signal);
      observer.holds(new Set(pods.map(({ uid }) => uid)));
      return pods;
    },
    createSandbox: async (pod, attempt, signal) => {
      const create = () => sandboxes.create(pod, attempt, signal);
      const id = await observer.changing(podUid(pod), create, (made) => ({
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
      return observer.changing(podUid(pod), start, (id) => ({
        kind: 'container',
        id,
        sandboxId: home,
      }));
    },
    stopContainer: (request, signal) =>
      changing(request.containerId, () => stopContainer(request, ports, signal)),
    stopSandbox: (id, signal) => changing(id, () => sandboxes.stop(id, signal)),
    resizePod: async (request, signal) => {
      try {
        await resizePod(request, ports, settings, signal);
      } finally {
        observer.forget(podUid(request.pod));
      }
    },
    removeContainer: (id, logs, signal) =>
      changing(id, () => removeContainer({ id, logs }, { cri, files, settings }, signal)),
    removeSandbox: async (id, signal) => {
      await changing(id, () => sandboxes.remove(id, signal));
      attempts.delete(id);
    },
  };
}

async function listPods(cri: RuntimeService, signal: AbortSignal): Promise<readonly RuntimePod[]> {
  const [sandboxes, containers] = await Promise.all([
    cri.listPodSandbox({}, signal),
    cri.listContainers({}, signal),
  ]);
  const pods = new Map<string, RuntimePod>();
  const add = (pod: RuntimePod): void => {
    if (pod.uid === '') return; // made by another client of the runtime
    const running = pod.running || pods.get(pod.uid)?.running === true;
    pods.set(pod.uid, { ...pod, running });
  };
  for (const { metadata, state } of sandboxes) {
    if (metadata === undefined) continue;
    const { uid, namespace, name } = metadata;
    add({ uid, namespace, name, running: state === 'ready' });
  }
  for (const { labels, state } of containers) {
    add({
      uid: labels[LABEL_POD_UID] ?? '',
      namespace: labels[LABEL_POD_NAMESPACE] ?? '',
      name: labels[LABEL_POD_NAME] ?? '',
      running: state === 'running',
    });
  }
  return [...pods.values()];
}

async function removeContainer(
  { id, logs }: Readonly<{ id: string; logs: 'remove' | 'keep' }>,
  { cri, files, settings }: Pick<PodRuntimePorts, 'cri' | 'files'> & { settings: RuntimeSettings },
  signal: AbortSignal,
): Promise<void> {
  try {
    const { labels, logPath } = await cri.containerStatus(containerId(id), signal);
    const metadata = {
      name: labels[LABEL_POD_NAME] ?? '',
      namespace: labels[LABEL_POD_NAMESPACE] ?? '',
    };
    const link = logLinkName({ metadata }, labels[LABEL_CONTAINER_NAME] ?? '', id);
    const path = `${settings.containerLogsDir}/${link}`;
    if (logPath !== '' && logs === 'remove') await files.removeLogs(logPath, path);
  } catch (error) {
    if (isCriError(error, 'CRI_NOT_FOUND')) return;
    throw error;
  }
  await cri.removeContainer(containerId(id), signal);
}
