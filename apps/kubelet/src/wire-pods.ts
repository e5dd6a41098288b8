import { readFile } from 'node:fs/promises';
import { release } from 'node:os';

import type { Clock, Logger } from '@nodeagent/base';
import type { EventRecorder } from '@nodeagent/kube-client';
import {
  type PodAdmissionRules,
  createFileSource,
  createHttpSource,
  type PodCgroups,
  type PodEvents,
  type PodLeftovers,
  type PodSource,
  ResourceRecords,
} from '@nodeagent/kubelet';
import {
  createLogDirectories,
  createManifestFiles,
  createManifestUrl,
  createResourceRecordFile,
} from '@nodeagent/kubelet/adapters';

import type { Options } from './options.js';
import { containerLogsDir, declaredFeatures } from './settings.js';

interface SourceParts {
  readonly options: Options;
  readonly events: PodEvents;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The sources of static pods that the configuration names. */
export function staticSources({ options, events, clock, log }: SourceParts): readonly PodSource[] {
  const { config, nodeName } = options;
  const sources: PodSource[] = [];
  if (config.staticPodPath !== '') {
    const files = createManifestFiles(config.staticPodPath);
    const checkMs = config.fileCheckFrequency;
    sources.push(createFileSource({ files, nodeName, checkMs, clock, log }));
  }
  if (config.staticPodURL !== '') {
    const manifest = createManifestUrl(config.staticPodURL, config.staticPodURLHeader);
    const checkMs = config.httpCheckFrequency;
    sources.push(createHttpSource({ manifest, nodeName, checkMs, events, clock, log }));
  }
  return sources;
}

/** What pods leave behind beside containers and volumes. */
export function podLeftovers(options: Options, cgroups: PodCgroups): readonly PodLeftovers[] {
  const { podLogsDir } = options.config;
  const logs = createLogDirectories({ podLogsDir, containerLogsDir: containerLogsDir(options) });
  return [logs, { pods: () => cgroups.pods(), remove: (uid) => cgroups.remove(uid) }];
}

/** What pods were given, as it is on disk. */
export function openRecords({ rootDir }: Options, log: Logger): Promise<ResourceRecords> {
  return ResourceRecords.open({
    allocated: createResourceRecordFile(rootDir, 'allocated_pods_state'),
    actuated: createResourceRecordFile(rootDir, 'actuated_pods_state'),
    log,
  });
}

/** What this machine's kernel and the configuration allow pods. */
export async function admissionRules({ config }: Options): Promise<PodAdmissionRules> {
  const [major = 0, minor = 0] = release()
    .split('.')
    .map((part) => Number.parseInt(part, 10));
  return {
    sysctls: { kernel: [major, minor], allowedUnsafe: config.allowedUnsafeSysctls },
    appArmor: await hasAppArmor(),
    features: {
      declared: new Set(declaredFeatures(config)),
      podLevelResources: config.featureGates['PodLevelResources'] ?? true,
    },
  };
}

/** @see Linux security/apparmor/lsm.c, parameter "enabled" */
async function hasAppArmor(): Promise<boolean> {
  try {
    const text = await readFile('/sys/module/apparmor/parameters/enabled', 'utf8');
    return text.startsWith('Y');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** Where no API server takes events, the log does. */
export function createLogRecorder(log: Logger): EventRecorder {
  return {
    record: ({ about: { kind, namespace, name }, type, reason, message }) => {
      const fields = { about: { kind, namespace, name }, reason, event: message };
      if (type === 'Warning') log.warn(fields, 'event');
      else log.info(fields, 'event');
    },
  };
}
