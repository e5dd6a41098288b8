import {
  type Clock,
  type Logger,
  type Metrics,
  type Random,
  runScope,
  type ScopeTask,
  type Tracer,
  type Wake,
} from '@nodeagent/base';
import type { ImageService, RuntimeService } from '@nodeagent/cri-client';
import type { KubeClient, Node, Pod } from '@nodeagent/kube-client';
import {
  type FactSource,
  type NodeConfig,
  type NodeEvents,
  type NodeStatusOptions,
  runNodeStatus,
  runUnregisteredNode,
} from '@nodeagent/node-status';
import { createExecProber, type Prober } from '@nodeagent/probes';

import type { AdmissionHooks } from '../../admission/run/index.js';
import type { EvictionManager } from '../../eviction/run/index.js';
import { type HealthServer, hostIpsOf } from '../../node/index.js';
import {
  createNodeInputs,
  type NodeInputsOptions,
  type OwnNode,
  runPodRanges,
  TurnWatch,
} from '../../node/run/index.js';
import {
  type NodeView,
  type PodEvents,
  type PodLeftovers,
  type PodRuntime,
  type PodSource,
  type PodStanding,
  podUid,
  type PodVolumes,
  type RuntimeView,
} from '../../pod/index.js';
import type { ResizeRules } from '../../resize/index.js';
import type { ResourceRecords } from '../../resize/run/index.js';
import type { NodeServer, PodsOnNode } from '../../server/index.js';
import type { EndablePods } from '../../shutdown/index.js';
import type { NodeShutdown } from '../../shutdown/run/index.js';
import { createApiSource, DesiredPods, MirrorPods } from '../../sources/run/index.js';
import { StatusReporter } from '../../status/run/index.js';
import { type CrashLoopRules, DEFAULT_CRASH_LOOP_RULES } from '../../workers/index.js';
import {
  createCriExecRunner,
  createOrphanMeter,
  createStepMeter,
  Gate,
  ManagedProbes,
  meterPodRuntime,
  meterReporter,
  PodCounts,
  PodWorkers,
  type PullTimes,
  runHousekeeping,
} from '../../workers/run/index.js';

/** All ports of a kubelet. */
export interface KubeletPorts {
  readonly client: KubeClient;
  /** For the node's status and lease, preferably without a rate limit; default `client`. */
  readonly heartbeat?: KubeClient;
  /** Created by the caller, because the runtime reads it too; `runKubelet` runs it. */
  readonly ownNode: OwnNode;
  readonly events: PodEvents;
  readonly nodeEvents: NodeEvents;
  readonly cri: Pick<RuntimeService, 'status' | 'version' | 'execSync' | 'updateRuntimeConfig'>;
  readonly images: Pick<ImageService, 'listImages'>;
  /** Called on each step of a new node's start. */
  readonly onNodeStage?: NodeStatusOptions['onStage'];
  /** Absent: no pod is evicted, and the node is never under pressure. */
  readonly eviction?: Pick<EvictionManager, 'run' | 'pressure'>;
  /** Absent: pods are not ended when the machine shuts down. */
  readonly shutdown?: Pick<NodeShutdown, 'run' | 'isShuttingDown'> | undefined;
  /** Waking it reports the node's status at once. */
  readonly nodeWake?: Wake;
  /** Measures this machine. */
  readonly facts: FactSource;
  /**
   * The reason that no pod can start on this node, which makes it not ready; undefined otherwise.
   */
  readonly podsProblem?: () => string | undefined;
  /** If absent, the node is ready without a CSINode. */
  readonly csiNode?: NonNullable<NodeInputsOptions['storage']>;
  /** Attached volumes that pods use; undefined until known, never reported if absent. */
  readonly volumesInUse?: () => readonly string[] | undefined;
  readonly runtime: PodRuntime;
  readonly runtimeView: RuntimeView;
  readonly volumes: PodVolumes;
  /** Network probes; those that run commands go through the runtime. */
  readonly prober: Required<Omit<Prober, 'exec'>>;
  /** Sources other than the API. */
  readonly sources?: readonly PodSource[];
  /**
   * Called once at start with a function that wakes a pod's worker, for ports that notice changes
   * of objects that pods use.
   */
  readonly onWakeable?: (wake: (podUid: string) => void) => void;
  /** Called once at start with functions that list the pods that use resources, and that judge one. */
  readonly onPods?: (
    active: () => readonly Pod[],
    standing: (podUid: string) => PodStanding,
  ) => void;
  /** Ended runs that stay of each container of a pod; at least 1, the default. */
  readonly keptRuns?: number;
  /** Absent: no health port. */
  readonly health?: HealthServer;
  /** Other things that pods leave on this node; removed for pods that no longer exist. */
  readonly leftovers?: readonly PodLeftovers[];
  /** Records of the resources given to pods; with it, running pods can be resized. */
  readonly resources?: Readonly<{ records: ResourceRecords; rules: ResizeRules }>;
  /** Further inputs to the admission of pods, besides the node and its other pods. */
  readonly admission?: AdmissionHooks;
  readonly metrics?: Metrics;
  /** Time that pods waited for their images, for metrics. */
  readonly pulls?: PullTimes;
  /** Records the duration of pod steps; absent: no traces. */
  readonly tracer?: Tracer;
  /** Probe metrics: one series per container, on a page of their own. */
  readonly probeMetrics?: Metrics;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface KubeletSettings {
  readonly node: NodeConfig;
  /** Without an API server: only static pods run, and no status is reported. */
  readonly standalone?: boolean;
  /** Maximum time between two syncs of a pod; each pod's own is up to half as long again. */
  readonly syncFrequencyMs: number;
  /** Address range of pods until the node has its own; default none. */
  readonly podCidr?: string;
  /** Delays before a crashed container restarts; default 10 s, doubling to 5 min. */
  readonly crashLoopRules?: CrashLoopRules;
}

export interface KubeletRun {
  readonly ports: KubeletPorts;
  readonly settings: KubeletSettings;
  /** The node API; undefined: none. */
  readonly server?: NodeServer | undefined;
  /** Loops of the ports, e.g. the event recorder's; they run as long as the kubelet. */
  readonly tasks?: readonly ScopeTask[];
}

/** Sandboxes created at the same time: more only slow each other down in the runtime. */
const CONCURRENT_SANDBOXES = 16;
const LEAST_TURN_LIMIT_MS = 300_000;

/**
 * Runs the pods of one node until the signal fires. Containers keep running afterwards; the next
 * kubelet takes them over without restarting them.
 *
 * @throws the first error of any loop, after the others have ended
 */
export async function runKubelet(
  { ports, settings, server, tasks = [] }: KubeletRun,
  signal: AbortSignal,
): Promise<void> {
  const limitMs = Math.max(2 * settings.syncFrequencyMs, LEAST_TURN_LIMIT_MS);
  const turns = new TurnWatch(ports.clock, limitMs);
  const { tasks: nodeTasks, view: node } = nodeParts(ports, settings);
  const all: readonly ScopeTask[] = [
    ...nodeTasks,
    ...podTasks(ports, { settings, server, node, turns }, signal),
    ...tasks,
    async (inner) => ports.health?.run(() => turns.problem(), inner),
  ];
  await runScope(all, signal);
}

/** Loops that register this node's object and keep it current. */
function nodeParts(
  ports: KubeletPorts,
  settings: KubeletSettings,
): { readonly tasks: readonly ScopeTask[]; readonly view: NodeView } {
  const { client, ownNode, nodeEvents: events, cri, images, facts, runtimeView } = ports;
  const { clock, random, log } = ports;
  let networkProblem: string | undefined = 'network state unknown';
  const eventsProblem = (): string | undefined => runtimeView.unhealthyReason();
  const podsProblem = (): string | undefined => ports.podsProblem?.();
  const current = (): Node | undefined => ownNode.current();
  const status: NodeStatusOptions = {
    ...{ facts, events, clock, random, log },
    client: ports.heartbeat ?? client,
    config: settings.node,
    inputs: createNodeInputs({
      ...{ cri, images, eventsProblem, podsProblem, node: current },
      ...(ports.csiNode && { storage: ports.csiNode }),
      volumesInUse: () => ports.volumesInUse?.(),
      isShuttingDown: () => ports.shutdown?.isShuttingDown ?? false,
      pressure: () => {
        const now = ports.eviction?.pressure() ?? [];
        return {
          memory: now.includes('MemoryPressure'),
          disk: now.includes('DiskPressure'),
          pid: now.includes('PIDPressure'),
        };
      },
    }),
    onMeasured: (node) => ownNode.measured(node),
    ...(ports.onNodeStage && { onStage: ports.onNodeStage }),
    ...(ports.nodeWake && { wake: ports.nodeWake }),
    onRuntimeHealth: (health) => {
      networkProblem = health.networkProblem;
    },
  };
  const alone: readonly ScopeTask[] = [(inner) => runUnregisteredNode(status, inner)];
  const report: ScopeTask = (inner) => {
    events.normal('Starting', 'Starting kubelet.');
    return runNodeStatus(status, inner);
  };
  const registered: readonly ScopeTask[] = [(inner) => ownNode.run(inner), report];
  const configured = settings.podCidr ?? '';
  const ranges: ScopeTask = (inner) =>
    runPodRanges({ cri, configured, node: () => ownNode.registered(), clock, log }, inner);
  return {
    tasks: [...(settings.standalone === true ? alone : registered), ranges],
    view: {
      current,
      hostIps: () => hostIpsOf(ownNode.current()),
      networkProblem: () => networkProblem,
    },
  };
}

type PodParts = Pick<KubeletRun, 'settings' | 'server'> & {
  readonly node: NodeView;
  readonly turns: TurnWatch;
};

/** Loops of sources, workers, probes and statuses, and of cleaning up after pods. */
function podTasks(
  ports: KubeletPorts,
  { settings, server, node, turns }: PodParts,
  signal: AbortSignal,
): readonly ScopeTask[] {
  const { client, cri, runtimeView, volumes, events, resources, metrics } = ports;
  const runtime = metrics
    ? meterPodRuntime(ports.runtime, { metrics, clock: ports.clock })
    : ports.runtime;
  const { clock, random } = ports;
  const logOf = (logger: string): Logger => ports.log.child({ logger });
  const log = logOf('workers');
  const { syncFrequencyMs: resyncMs } = settings;
  const { nodeName } = settings.node;
  const { http, tcp, grpc } = ports.prober;
  const prober = { http, tcp, grpc, exec: createExecProber(createCriExecRunner(cri)) };
  const onChange = (uid: string): void => workers.probed(uid);
  const probes = new ManagedProbes({
    ...{ prober, events, node, clock, random, onChange },
    metrics: ports.probeMetrics,
  });
  const standalone = settings.standalone === true;
  const counts = ports.metrics && new PodCounts(ports.metrics);
  const reporter: StatusReporter = new StatusReporter(
    {
      client: standalone ? undefined : client,
      ...{ clock, log: logOf('status'), hostIps: () => node.hostIps() },
      mirrorOf: (pod) => mirrors.mirrorOf(pod),
      metrics,
    },
    signal,
  );
  const workers: PodWorkers = new PodWorkers({
    ...{ runtime, runtimeView, volumes, probes, events, node, clock, random, log, resyncMs },
    reporter: metrics ? meterReporter(reporter, { metrics, clock, pulls: ports.pulls }) : reporter,
    onStep: metrics && createStepMeter(metrics, clock),
    sandboxGate: new Gate(CONCURRENT_SANDBOXES),
    crashLoopRules: settings.crashLoopRules ?? DEFAULT_CRASH_LOOP_RULES,
    keptRuns: ports.keptRuns,
    admission: ports.admission ?? {},
    ...(ports.metrics && { metrics: ports.metrics }),
    ...(ports.tracer && { tracer: ports.tracer }),
    resize: resources && {
      ...{ records: resources.records, rules: resources.rules },
      synced: () => desired.synced,
    },
    ...(counts && { onRestart: (isStatic) => counts.restarted(isStatic) }),
    onStaticPod: (fullName) => mirrors.wake(fullName),
  });
  ports.onWakeable?.((uid) => workers.probed(uid));
  const unknown = (): PodStanding => (desired.synced ? 'gone' : 'active');
  ports.onPods?.(
    () => workers.active(),
    (uid) => workers.standing(uid) ?? unknown(),
  );
  const mirrors: MirrorPods = new MirrorPods(
    {
      ...{ client, clock, log: logOf('sources') },
      node: () => ports.ownNode.registered(),
      statics: () => workers.statics(),
      synced: () => desired.synced,
      onMirror: (uid) => reporter.mirrored(uid),
    },
    signal,
  );
  const ready = (inner: AbortSignal): Promise<void> => ports.ownNode.known(inner);
  const api = createApiSource({
    ...{ client, nodeName, clock, random, log: logOf('sources'), ready, events },
    metrics: ports.metrics,
  });
  const sources = [...(standalone ? [] : [api]), ...(ports.sources ?? [])];
  const desired: DesiredPods = new DesiredPods(sources, workers, {
    ...{ clock, log: logOf('sources'), mirrors, events, metrics: ports.metrics },
    onSynced: () => workers.synced(),
    onRefused: (pod, reason) => events.warning(pod, 'FailedValidation', `Error: ${reason}`),
  });
  const housekeeping = {
    ...{ runtime, runtimeView, volumes, clock, log, leftovers: leftoversOf(ports) },
    synced: () => desired.synced,
    known: () => workers.uids,
    onOrphan: () => counts?.orphaned(),
    onCleaned: metrics && createOrphanMeter(metrics),
    onTurn: () => {
      turns.turn();
      counts?.update(workers.counted(), mirrors.size);
    },
  };
  return [
    (inner) => runtimeView.onChange((uid) => workers.wake(uid), inner),
    (inner) => probes.run(inner),
    (inner) => workers.run(inner),
    (inner) => reporter.run(inner),
    ...(standalone ? [] : [(inner: AbortSignal) => mirrors.run(inner)]),
    ...sources.map((source): ScopeTask => {
      const sink = desired.sinkFor(source.name);
      return async (inner) => {
        await ports.ownNode.usable(inner);
        await source.run(sink, inner);
      };
    }),
    (inner) => runHousekeeping(housekeeping, inner),
    async (inner) => ports.eviction?.run(workers, inner),
    async (inner) => ports.shutdown?.run(podsToEnd(workers, reporter), inner),
    async (inner) => server?.run(podsOnNode({ desired, reporter, turns, mirrors }), inner),
  ];
}

/** A machine goes down only when the API knows how its pods ended. */
function podsToEnd(workers: PodWorkers, reporter: StatusReporter): EndablePods {
  return {
    active: () => workers.active(),
    evict: (...how) => workers.evict(...how),
    isGone: (uid) => workers.isGone(uid) && reporter.isShown(uid),
  };
}

function leftoversOf({ leftovers = [], resources }: KubeletPorts): readonly PodLeftovers[] {
  return resources === undefined ? leftovers : [...leftovers, resources.records];
}

/** Pods with the newest statuses, which the API may not have yet. */
function podsOnNode(parts: {
  readonly desired: DesiredPods;
  readonly reporter: StatusReporter;
  readonly turns: TurnWatch;
  readonly mirrors: MirrorPods;
}): PodsOnNode {
  const { desired, reporter, turns, mirrors } = parts;
  return {
    mirrorUid: (pod) => mirrors.mirrorOf(pod)?.metadata?.uid,
    problem: () => turns.problem(),
    pods: () =>
      desired.pods().map((pod) => {
        const status = reporter.statusOf(podUid(pod));
        return status === undefined ? pod : { ...pod, status };
      }),
  };
}
