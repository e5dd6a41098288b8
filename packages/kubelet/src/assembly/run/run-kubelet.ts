import {
  type Clock,
  type Logger,
  type Metrics,
  type Random,
  runScope,
  type ScopeTask,
  type Tracer,
} from '@nodeagent/base';
import type { ImageService, RuntimeService } from '@nodeagent/cri-client';
import { type KubeClient, type Node, NODES } from '@nodeagent/kube-client';
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
import { type HealthServer, hostIpsOf } from '../../node/index.js';
import { createNodeInputs, type OwnNode, TurnWatch } from '../../node/run/index.js';
import {
  type NodeView,
  type PodEvents,
  type PodLeftovers,
  type PodRuntime,
  type PodSource,
  podUid,
  type PodVolumes,
  type RuntimeView,
} from '../../pod/index.js';
import type { ResizeRules } from '../../resize/index.js';
import type { ResourceRecords } from '../../resize/run/index.js';
import type { NodeServer, PodsOnNode } from '../../server/index.js';
import { createApiSource, DesiredPods, MirrorPods } from '../../sources/run/index.js';
import { StatusReporter } from '../../status/run/index.js';
import { type CrashLoopRules, DEFAULT_CRASH_LOOP_RULES } from '../../workers/index.js';
import {
  createCriExecRunner,
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

/** Everything that a kubelet works through. */
export interface KubeletPorts {
  readonly client: KubeClient;
  /** For the node's status and lease: best without a rate limit. `client` when absent. */
  readonly heartbeat?: KubeClient;
  /** Made by the wiring, since the runtime wants to know the node too; run here. */
  readonly ownNode: OwnNode;
  readonly events: PodEvents;
  readonly nodeEvents: NodeEvents;
  readonly cri: Pick<RuntimeService, 'status' | 'version' | 'execSync'>;
  readonly images: Pick<ImageService, 'listImages'>;
  /** Measures this machine. */
  readonly facts: FactSource;
  /** Why no pod can start on this node, which is not ready then; undefined when they can. */
  readonly podsProblem?: () => string | undefined;
  /** Attached volumes that pods use; undefined until they are known, never reported when absent. */
  readonly volumesInUse?: () => readonly string[] | undefined;
  readonly runtime: PodRuntime;
  readonly runtimeView: RuntimeView;
  readonly volumes: PodVolumes;
  /** Network probes; those that run commands go through the runtime. */
  readonly prober: Omit<Prober, 'exec'>;
  /** Beside the API. */
  readonly sources?: readonly PodSource[];
  /**
   * Given, before anything runs, what has a pod looked at again at once: for ports that notice by
   * themselves that something which pods are made of has changed.
   */
  readonly onWakeable?: (wake: (podUid: string) => void) => void;
  /** None when absent. */
  readonly health?: HealthServer;
  /** The node API; none when absent. */
  readonly server?: NodeServer;
  /** What else pods leave on this node; cleaned up behind those that nobody knows. */
  readonly leftovers?: readonly PodLeftovers[];
  /** Where it is kept what pods were given; with it, pods that run can be given other resources. */
  readonly resources?: Readonly<{ records: ResourceRecords; rules: ResizeRules }>;
  /** What decides about new pods beside the node and its other pods. */
  readonly admission?: AdmissionHooks;
  readonly metrics?: Metrics;
  /** How long pods waited for their images, for metrics. */
  readonly pulls?: PullTimes;
  /** Told how long the steps of pods take; nobody when absent. */
  readonly tracer?: Tracer;
  /** Of probes: a series per container, on a page of their own. */
  readonly probeMetrics?: Metrics;
  /** Loops that the ports need, e.g. the event recorder's; they live as long as the kubelet. */
  readonly tasks?: readonly ScopeTask[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface KubeletSettings {
  readonly node: NodeConfig;
  /** No API server: only the other sources' pods run, and nobody is told of them. */
  readonly standalone?: boolean;
  /** A pod is looked at again at least this often; stretched by up to a half. */
  readonly syncFrequencyMs: number;
  /** How long a container that crashes waits for its restart; 10 s, doubling to 5 min, when absent. */
  readonly crashLoopRules?: CrashLoopRules;
}

/** Pods that make a sandbox at the same time: more only get in each other's way in the runtime. */
const CONCURRENT_SANDBOXES = 16;
const LEAST_TURN_LIMIT_MS = 300_000;

/**
 * Runs the pods of one node until the signal fires. What runs then runs on: the next kubelet takes
 * it over untouched.
 *
 * @throws the first failure of any of its loops, after the others have ended
 */
export async function runKubelet(
  ports: KubeletPorts,
  settings: KubeletSettings,
  signal: AbortSignal,
): Promise<void> {
  const { clock, syncFrequencyMs } = { ...ports, ...settings };
  const turns = new TurnWatch(clock, Math.max(2 * syncFrequencyMs, LEAST_TURN_LIMIT_MS));
  const { tasks: nodeTasks, view } = nodeParts(ports, settings);
  const tasks: readonly ScopeTask[] = [
    ...nodeTasks,
    ...podTasks({ ...ports, node: view, turns }, settings, signal),
    ...(ports.tasks ?? []),
    async (inner) => ports.health?.run(() => turns.problem(), inner),
  ];
  await runScope(tasks, signal);
}

/** The node's own object: watched, registered, kept current. */
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
      volumesInUse: () => ports.volumesInUse?.(),
    }),
    onMeasured: (node) => ownNode.measured(node),
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
  return {
    tasks: settings.standalone === true ? alone : registered,
    view: {
      current,
      hostIps: () => hostIpsOf(ownNode.current()),
      networkProblem: () => networkProblem,
    },
  };
}

type PodParts = KubeletPorts & {
  readonly node: NodeView;
  readonly turns: TurnWatch;
};

/** Sources, workers, probes, statuses, and what is cleaned up behind them. */
function podTasks(
  ports: PodParts,
  settings: KubeletSettings,
  signal: AbortSignal,
): readonly ScopeTask[] {
  const { client, cri, runtimeView, volumes, events, node, turns, metrics } = ports;
  const runtime = metrics
    ? meterPodRuntime(ports.runtime, { metrics, clock: ports.clock })
    : ports.runtime;
  const { clock, random, log } = ports;
  const { syncFrequencyMs: resyncMs } = settings;
  const { nodeName } = settings.node;
  const prober = { ...ports.prober, exec: createExecProber(createCriExecRunner(cri)) };
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
      ...{ clock, log, hostIps: node.hostIps },
      mirrorOf: (pod) => mirrors.mirrorOf(pod),
      metrics,
    },
    signal,
  );
  const workers: PodWorkers = new PodWorkers({
    ...{ runtime, runtimeView, volumes, probes, events, node, clock, random, log, resyncMs },
    reporter: metrics ? meterReporter(reporter, { metrics, clock, pulls: ports.pulls }) : reporter,
    onStep: metrics && createStepMeter(metrics),
    sandboxGate: new Gate(CONCURRENT_SANDBOXES),
    crashLoopRules: settings.crashLoopRules ?? DEFAULT_CRASH_LOOP_RULES,
    admission: admissionHooks(ports, settings),
    ...(ports.metrics && { metrics: ports.metrics }),
    ...(ports.tracer && { tracer: ports.tracer }),
    resize: ports.resources && { ...ports.resources, synced: () => desired.synced },
    ...(counts && { onRestart: (isStatic) => counts.restarted(isStatic) }),
    onStaticPod: (fullName) => mirrors.wake(fullName),
  });
  ports.onWakeable?.((uid) => workers.probed(uid));
  const mirrors: MirrorPods = new MirrorPods(
    {
      ...{ client, clock, log },
      node: () => ports.ownNode.registered(),
      statics: () => workers.statics(),
      synced: () => desired.synced,
      onMirror: (uid) => reporter.mirrored(uid),
    },
    signal,
  );
  const ready = (inner: AbortSignal): Promise<void> => ports.ownNode.known(inner);
  const api = createApiSource({
    ...{ client, nodeName, clock, random, log, ready, events },
    metrics: ports.metrics,
  });
  const sources = [...(standalone ? [] : [api]), ...(ports.sources ?? [])];
  const desired: DesiredPods = new DesiredPods(sources, workers, {
    ...{ clock, log, mirrors, events, metrics: ports.metrics },
    onSynced: () => workers.synced(),
    onRefused: (pod, reason) => events.warning(pod, 'FailedValidation', `Error: ${reason}`),
  });
  const housekeeping = {
    ...{ runtime, runtimeView, volumes, clock, log, leftovers: leftoversOf(ports) },
    synced: () => desired.synced,
    known: () => workers.uids,
    onOrphan: () => counts?.orphaned(),
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
    async (inner) => ports.server?.run(podsOnNode({ desired, reporter, turns, mirrors }), inner),
  ];
}

function leftoversOf({ leftovers = [], resources }: KubeletPorts): readonly PodLeftovers[] {
  return resources === undefined ? leftovers : [...leftovers, resources.records];
}

/** With the newest statuses: the API may not have them yet. */
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

function admissionHooks(
  { client, admission }: KubeletPorts,
  { node: { nodeName }, standalone }: KubeletSettings,
): AdmissionHooks {
  const freshNode = (signal: AbortSignal): Promise<Node> =>
    client.get(NODES, { name: nodeName }, signal);
  return { ...(standalone !== true && { freshNode }), ...admission };
}
