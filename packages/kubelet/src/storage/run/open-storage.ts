import type { Clock, Logger, Metrics, ScopeTask } from '@nodeagent/base';
import type { EventRecorder, KubeClient, Node } from '@nodeagent/kube-client';

import type { LoopDevices, StorageCommands, StorageFiles } from '../../disks/index.js';
import {
  DeviceMaps,
  GroupChanges,
  LocalVolumes,
  MountCommands,
  NfsVolumes,
  NodeExpansion,
  VolumeBackoff,
  VolumeOperations,
} from '../../disks/run/index.js';
import type { PodEvents } from '../../pod/index.js';
import type { ContainerLabels } from '../../selinux/index.js';
import { VolumeLabels } from '../../selinux/run/index.js';
import type {
  ClaimedVolumes,
  Mounter,
  ObjectSource,
  TokenSource,
  VolumeFiles,
} from '../../volumes/index.js';
import type { PluginSockets } from '../ports.js';
import { ActualVolumes, type StagedVolume } from './actual-volumes.js';
import { Attachments } from './attachments.js';
import { createClaimedVolumes } from './claimed-volumes.js';
import { CsiDevices } from './csi-devices.js';
import { CsiDrivers } from './csi-drivers.js';
import { NodeAnnouncer } from './csi-node.js';
import { CsiNodeReport } from './csi-node-report.js';
import { CsiVolumes } from './csi-volumes.js';
import { LimitUpdates } from './limit-updates.js';
import { Releases } from './releases.js';
import { StorageApi } from './storage-api.js';
import { StorageMeter } from './storage-meter.js';
import { FigureReader, type FigureReaderOptions } from './volume-figures.js';

export interface StorageOptions {
  readonly rootDir: string;
  readonly nodeName: string;
  readonly client: KubeClient;
  /** There is no API server: drivers register without a report to the cluster. */
  readonly standalone: boolean;
  readonly node: {
    /** The Node in the API; undefined before it is registered. */
    readonly registered: () => Node | undefined;
    readonly known: (signal: AbortSignal) => Promise<void>;
    /** Reports the Node's status now: `volumesInUse` has changed. */
    readonly report: () => void;
  };
  /** A volume that this pod waits for is attached. */
  readonly onAttached: (podUid: string) => void;
  readonly objects: Pick<ObjectSource, 'secret'>;
  readonly tokens: Pick<TokenSource, 'dated'>;
  readonly events: PodEvents;
  readonly recorder: EventRecorder;
  readonly metrics: Metrics;
  readonly fileSystem: FigureReaderOptions['fileSystem'];
  /** Feature gate CSIVolumeHealth. */
  readonly asksHealth: boolean;
  readonly selinux: {
    /** Undefined on a machine without SELinux. */
    readonly policy: ContainerLabels | undefined;
    /** Feature gate SELinuxMount. */
    readonly everyMode: boolean;
  };
  readonly sockets: PluginSockets;
  readonly files: StorageFiles;
  readonly loops: LoopDevices;
  readonly commands: StorageCommands;
  readonly volumeFiles: Pick<VolumeFiles, 'changeGroup' | 'checkHostPath' | 'removeTree'>;
  readonly mounter: Pick<Mounter, 'bind' | 'list' | 'unmount'>;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Storage {
  readonly volumes: ClaimedVolumes;
  /** For the Node's status. */
  readonly volumesInUse: () => readonly string[] | undefined;
  /** To be called after each change of the registered Node. */
  readonly nodeChanged: () => void;
  readonly csiNode: Pick<CsiNodeReport, 'problem' | 'settled'>;
  readonly tasks: readonly ScopeTask[];
}

/** Volumes by claims and of CSI drivers, with the drivers' registration. */
export function openStorage(options: StorageOptions): Storage {
  const { rootDir, nodeName, client, standalone, node, clock, log, files, mounter } = options;
  const announcer = new NodeAnnouncer({
    client: standalone ? undefined : client,
    nodeName,
    clock,
    node: async (signal) => {
      await node.known(signal);
      return node.registered() ?? {};
    },
  });
  const meter = new StorageMeter(options.metrics, clock);
  const registry = new CsiDrivers({ sockets: options.sockets, announcer, meter, clock, log });
  const drivers = meter.drivers(registry);
  const api = new StorageApi(client, options.objects);
  const { loops, volumeFiles, events, recorder, tokens } = options;
  const actual = new ActualVolumes(rootDir, files, (isKnown) => meter.foundOnDisk(isKnown));
  const limits = new LimitUpdates({ registry, announcer, api, clock, log });
  const attachments = new Attachments({
    ...{ nodeName, api, actual, meter },
    node: () => node.registered(),
    onInUse: () => node.report(),
    onAttached: (uid) => options.onAttached(uid),
    onLimit: (driver, signal) => limits.refresh(driver, signal),
  });
  const maps = new DeviceMaps({ files, mounter, loops, events });
  const mounts = new MountCommands({ commands: options.commands, files, mounter });
  const backoff = new VolumeBackoff(clock);
  const operations = new VolumeOperations(backoff, meter);
  const expansion = new NodeExpansion({ nodeName, api, events, recorder, clock, log });
  const onGone = (name: string): void => {
    expansion.forget(name);
    node.report();
  };
  const releases = new Releases({ actual, backoff, onGone, clock, log });
  const groups = new GroupChanges({ volumeFiles, events, clock, log });
  const csi = new CsiVolumes({
    ...{ releases, operations },
    rootDir,
    nodeName,
    drivers,
    api,
    actual,
    files,
    groups,
    mounter,
    tokens,
    meter,
  });
  const devices = new CsiDevices({
    ...{ releases, operations },
    rootDir,
    nodeName,
    drivers,
    api,
    actual,
    files,
    volumeFiles,
    maps,
    meter,
  });
  const local = new LocalVolumes({ rootDir, files, groups, mounts, maps, events, operations });
  const nfs = new NfsVolumes({ rootDir, files, mounts, operations });
  const labels = new VolumeLabels({ ...options.selinux, metrics: options.metrics });
  const { fileSystem, asksHealth } = options;
  const figures = new FigureReader({ drivers, fileSystem, asksHealth, events, clock, log });
  const release = (volume: StagedVolume, signal: AbortSignal): Promise<void> =>
    volume.device === undefined ? csi.release(volume, signal) : devices.release(volume, signal);
  const freeing: ScopeTask = async (signal) => {
    await attachments.open();
    await releases.run(release, (inner) => devices.sweep(inner), signal);
  };
  const csiNode = new CsiNodeReport({ announcer, clock, log });
  return {
    volumes: createClaimedVolumes({
      ...{
        api,
        csi,
        devices,
        local,
        nfs,
        expansion,
        attachments,
        drivers,
        actual,
        figures,
        meter,
        labels,
        operations,
        recorder,
      },
      files: volumeFiles,
      nodeLabels: () => node.registered()?.metadata?.labels ?? {},
    }),
    volumesInUse: () => attachments.inUse(),
    nodeChanged: () => attachments.nodeChanged(),
    csiNode,
    tasks: [freeing, csiNode.run, (signal) => registry.run(signal), (signal) => limits.run(signal)],
  };
}
