import { type ScopeTask, Wake } from '@nodeagent/base';
import { type EventRecorder, type KubeClient, type Node, NODES } from '@nodeagent/kube-client';

import type { ConfiguredProviders } from '../../credentials/index.js';
import {
  createCredentialProviders,
  createPullCredentials,
  createTokenCache,
  type PullCredentialSources,
} from '../../credentials/run/index.js';
import { createPullMeter } from '../../images/run/index.js';
import { hostIpsOf, type KernelLog } from '../../node/index.js';
import {
  createNodeEvents,
  createStartupMeter,
  OwnNode,
  watchSystemOom,
} from '../../node/run/index.js';
import { createRuntimeView } from '../../observation/run/index.js';
import type { PodEvents, PodStanding } from '../../pod/index.js';
import { createPodEvents } from '../../pod/run/index.js';
import { ResourceRecords } from '../../resize/run/index.js';
import type { Surroundings } from '../../runtime/index.js';
import {
  checkResolvConf,
  createFieldReader,
  createPodRuntime,
  createRuntimeMeter,
  UserNamespaces,
} from '../../runtime/run/index.js';
import { openStorage } from '../../storage/run/index.js';
import type { TokenSource } from '../../volumes/index.js';
import {
  CountedVolumes,
  createContainerVolumes,
  createPodVolumes,
  shareRootDir,
  warnOfSwap,
} from '../../volumes/run/index.js';
import { gatedParts } from '../plan/gated-parts.js';
import { admissionRules, idRange, pullRules, resizeRules } from '../plan/pod-rules.js';
import { runtimeSettings } from '../plan/runtime-settings.js';
import type { KubeletAdapters } from '../ports.js';
import type { ReadyRuntime } from './connect-runtime.js';
import { createEviction } from './evictions.js';
import { holdPods, holdReserved, makeUtilChains, openCgroups, withCgroups } from './hold-pods.js';
import { rotateLogs } from './node-server.js';
import { type NodeStats, openStats } from './node-stats.js';
import type { Parts } from './parts.js';
import {
  allocatableMemory,
  followObjects,
  openProjections,
  PodWakes,
  reportMissing,
  withFollowers,
} from './pod-objects.js';
import { staticSources } from './pod-sources.js';
import { collectContainers, openReclaim } from './reclaim.js';
import type { KubeletPorts } from './run-kubelet.js';
import { watchRuntimeClasses } from './runtime-classes.js';
import { watchServices } from './services.js';
import { createShutdown } from './shutdown.js';

export interface PortOptions {
  /** Rejects every call if there is no API server. */
  readonly client: KubeClient;
  /** For the node's status and lease. */
  readonly heartbeat: KubeClient;
  readonly recorder: EventRecorder;
  readonly runtime: ReadyRuntime;
  readonly providers: ConfiguredProviders | undefined;
  /** Times at which the machine and the kubelet began. */
  readonly began: Readonly<{ bootedAtMs: number; startedAtMs: number }>;
}

export interface OpenPorts {
  readonly ports: KubeletPorts;
  readonly stats: NodeStats;
  /** Loops that the ports need. */
  readonly tasks: readonly ScopeTask[];
}

/** @see Kubernetes 1.36 pkg/kubelet/cm/container_manager.go */
const CGROUP_V1 =
  'cgroup v1 detected. cgroup v1 support is deprecated and will be removed in a future release. Please migrate to cgroup v2. More information at https://git.k8s.io/enhancements/keps/sig-node/5573-remove-cgroup-v1';

/** Assembles the rooms: gives each the adapters and settings that it needs. */
export async function openPorts(
  parts: Parts,
  { client, heartbeat, recorder, runtime: readyRuntime, providers, began }: PortOptions,
  lifetime: AbortSignal,
): Promise<OpenPorts> {
  const { config, identity, adapters, cri } = parts;
  const { clock, random, log, metrics, probeMetrics, files, machine, facts } = adapters;
  const { nodeName, rootDir } = identity;
  const events = createPodEvents(recorder);
  const nodeEvents = createNodeEvents(recorder, nodeName);
  const nodeWake = new Wake();
  let nodeChanged = (): void => undefined;
  const onChange = (): void => nodeChanged();
  const ownNode = new OwnNode({ client, nodeName, clock, random, log, metrics, onChange });
  const services = watchServices(client, { clock, random, log, metrics });
  const classes = watchRuntimeClasses(client, { clock, random, log, metrics });
  const surroundings: Surroundings = {
    node: () => ({
      hostIps: hostIpsOf(ownNode.current()),
      allocatable: ownNode.current()?.status?.allocatable ?? {},
    }),
    services: services.current,
  };
  const wakes = new PodWakes();
  const objectPorts = { client, ownNode, wakes, events };
  const objects = followObjects(parts, objectPorts, lifetime);
  const driver = readyRuntime.cgroupDriver ?? config.cgroupDriver;
  const { cgroups, follow } = await openCgroups(parts, { driver, events: nodeEvents });
  await holdReserved(parts, { cgroups, events: nodeEvents });
  await shareRootDir(rootDir, { mounter: files.mounter, files: files.volumes }, lifetime);
  const { bootedAtMs } = began;
  const settings = { ...runtimeSettings(config, identity, machine), bootedAtMs };
  await checkResolvConf({ files: files.pods, nodeEvents }, settings);
  if (machine.cgroupVersion === 1) nodeEvents.warning('CgroupV1', CGROUP_V1);
  await warnOfSwap(machine.swapAreas, { mounter: files.mounter, events: nodeEvents });
  const tokens = createTokenCache({
    ...{ client, clock, random },
    onRenewalFailed: (pod, err) =>
      log.warn(
        { pod: pod.metadata?.name, err },
        'cannot renew a service account token; the old one is still valid',
      ),
  });
  const storage = openStorage({
    ...{ rootDir, nodeName, client, objects, tokens, events, recorder, metrics, clock },
    log: log.child({ logger: 'storage' }),
    standalone: adapters.openApi === undefined,
    node: {
      registered: () => ownNode.registered(),
      known: (signal) => ownNode.known(signal),
      report: () => nodeWake.wake(),
    },
    onAttached: (uid) => wakes.wake(uid),
    sockets: files.plugins,
    files: files.storage,
    loops: files.loops,
    fileSystem: (path) => adapters.readings.machine.fileSystem(path),
    asksHealth: gatedParts(config).volumeHealth,
    selinux: { policy: machine.selinux, everyMode: gatedParts(config).labelsEveryMode },
    commands: files.commands,
    volumeFiles: files.volumes,
    mounter: files.mounter,
  });
  nodeChanged = storage.nodeChanged;
  const claimed = storage.volumes;
  const counted = countedVolumes(parts);
  const stats = await openStats(parts, { cgroups, ownNode, claimed, counted });
  const { allocated, actuated } = files;
  const records = await ResourceRecords.open({ allocated, actuated, log });
  const pulls = createPullMeter(metrics);
  const reclaim = openReclaim(parts, nodeEvents);
  const runtimeLog = log.child({ logger: 'runtime' });
  const { view: runtimeView, changes } = createRuntimeView({
    ...{ cri: cri.runtime, files: files.pods, clock, log: runtimeLog, metrics },
    streams: readyRuntime.containerEvents,
    stopSignals: settings.stopSignals ?? false,
  });
  const runtime = createPodRuntime(
    {
      ...{ objects, surroundings, events, nodeEvents, pulls, cgroups, clock, log: runtimeLog },
      client: classes.reader,
      ...reclaim.pullPorts,
      resources: records,
      files: files.pods,
      cri: cri.runtime,
      changes,
      images: cri.images,
      volumes: createContainerVolumes({ rootDir, subPaths: files.subPaths, claimed }),
      credentials: createPullCredentials({
        objects,
        nodeEntries: () => adapters.pullCredentials.nodeEntries(),
        onMissing: reportMissing(events),
        provided: providedCredentials(adapters, { providers, client, tokens, events }, lifetime),
      }),
      records: files.pullRecords,
      userNamespaces: new UserNamespaces(
        files.userNamespaces,
        idRange(config, machine.subIds, identity.placeOf),
        random,
      ),
      call: adapters.callHook,
      meter: createRuntimeMeter(metrics),
    },
    settings,
    pullRules(config),
  );
  const { trust, certificates } = openProjections(parts, objectPorts, lifetime);
  const followers = [objects, trust, certificates].filter((one) => one !== undefined);
  const volumes = createPodVolumes({
    ...{ rootDir, objects, events, clock, tokens, claimed, counted },
    mounter: files.mounter,
    nodeMemoryBytes: () => allocatableMemory(ownNode.current()),
    files: files.volumes,
    fields: createFieldReader(surroundings),
    ...(trust && { trust }),
    ...(certificates && { certificates }),
  });
  wakes.onWake((uid) => volumes.expire(uid));
  const freshNode = (signal: AbortSignal): Promise<Node> =>
    client.get(NODES, { name: nodeName }, signal);
  let standing: (podUid: string) => PodStanding = () => 'active';
  const containers = collectContainers(parts, {
    ...{ runtime, events: nodeEvents },
    standing: (uid) => standing(uid),
  });
  const eviction = createEviction(parts, {
    ...{ stats, events, nodeEvents, onPressure: () => nodeWake.wake() },
    images: reclaim.images,
    containers,
  });
  const shutdown = createShutdown(parts, { nodeEvents, onChange: () => nodeWake.wake() });
  const ports: KubeletPorts = {
    ...{ client, heartbeat, ownNode, events, nodeEvents, runtime, runtimeView },
    ...{ metrics, probeMetrics, pulls, facts, clock, random, log },
    onNodeStage: createStartupMeter({ metrics, clock, ...began }),
    onWakeable: (wake) => wakes.onWake(wake),
    ...{ eviction, nodeWake, shutdown },
    keptRuns: identity.containerGc.perContainer,
    onPods: (active, standings) => {
      standing = standings;
      cgroups.followPods(active);
      stats.followPods(active);
    },
    sources: staticSources(parts, events),
    resources: { records, rules: resizeRules(config, settings) },
    admission: {
      rules: admissionRules(config, machine),
      pressure: () => eviction.pressure(),
      isShuttingDown: () => shutdown?.isShuttingDown ?? false,
      ...(adapters.openApi && { freshNode }),
    },
    cri: cri.runtime,
    images: cri.images,
    podsProblem: () => cgroups.problem(),
    volumesInUse: storage.volumesInUse,
    csiNode: storage.csiNode,
    volumes: withCgroups(withFollowers(volumes, followers), cgroups),
    leftovers: [files.logs, { pods: () => cgroups.pods(), remove: (uid) => cgroups.remove(uid) }],
    prober: adapters.prober,
    ...(adapters.health && { health: adapters.health }),
    ...(adapters.tracer && { tracer: adapters.tracer }),
  };
  const watchOom =
    (kernelLog: KernelLog): ScopeTask =>
    (inner) =>
      watchSystemOom({ kernelLog, events: nodeEvents, clock, log }, inner);
  const tasks: readonly ScopeTask[] = [
    ...(adapters.openApi === undefined ? [] : [services.run, classes.run]),
    (inner) => cgroups.run(clock, inner),
    (inner) => cgroups.keepWeights(clock, inner),
    follow,
    (inner) => holdPods(parts, { cgroups, events: nodeEvents }, inner),
    (inner) => rotateLogs(parts, inner),
    ...(adapters.kernelLog === undefined ? [] : [watchOom(adapters.kernelLog)]),
    (inner) => makeUtilChains(parts, inner),
    (inner) => stats.run(inner),
    (inner) => reclaim.images.run(inner),
    (inner) => containers.run(inner),
    ...storage.tasks,
  ];
  return { ports, stats, tasks };
}

function countedVolumes({ config, adapters }: Parts): CountedVolumes | undefined {
  const { files, log } = adapters;
  const { quotas, mounter, volumes } = files;
  if (quotas === undefined || !gatedParts(config).countedVolumes) return undefined;
  return new CountedVolumes({
    quotas,
    mounter,
    files: volumes,
    log: log.child({ logger: 'volumes' }),
  });
}

/** Credentials from credential provider plug-ins; undefined if none are configured. */
function providedCredentials(
  { clock, log, metrics }: KubeletAdapters,
  ports: Pick<PortOptions, 'providers' | 'client'> &
    Readonly<{ tokens: TokenSource; events: PodEvents }>,
  lifetime: AbortSignal,
): PullCredentialSources['provided'] {
  const { providers: configured, client, tokens, events } = ports;
  if (configured === undefined) return undefined;
  const { providers, hash, call } = configured;
  metrics
    .gauge({
      name: 'kubelet_credential_provider_config_info',
      help: 'Information about the last applied credential provider configuration with hash as label',
      labelNames: ['hash'],
    })
    .set(1, { hash });
  const ownLog = log.child({ logger: 'credentials' });
  const options = { providers, call, client, tokens, events, clock, log: ownLog, metrics };
  return createCredentialProviders(options, lifetime);
}
