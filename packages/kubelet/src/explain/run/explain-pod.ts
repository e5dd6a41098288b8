import { type Clock, SILENT_LOGGER } from '@nodeagent/base';
import { cgroupPath } from '@nodeagent/cgroups';
import { type KubeClient, KubeError, type Pod } from '@nodeagent/kube-client';

import type { PullRules } from '../../images/index.js';
import type { PodChanges } from '../../observation/index.js';
import {
  isHostNetwork,
  type PodEvents,
  podName,
  podNamespace,
  type PodObservation,
  podUid,
  qosClass,
} from '../../pod/index.js';
import { type CgroupLayout, podNames } from '../../resources/index.js';
import type { RuntimeSettings } from '../../runtime/index.js';
import type { PodFiles } from '../../runtime/index.js';
import { createPodRuntime, type PodRuntimePorts } from '../../runtime/run/index.js';
import type { ClaimedVolumes, ObjectSource } from '../../volumes/index.js';
import { createContainerVolumes } from '../../volumes/run/index.js';
import { crashLoopMemory, type CrashLoopRules, planPod } from '../../workers/index.js';
import { executePlan, Gate } from '../../workers/run/index.js';
import type { ExplainedAction, PodExplanation, PodState } from '../model/explanation.js';
import { createImaginaryRuntime, NEW_SANDBOX } from './imaginary-runtime.js';

export interface ExplainSettings {
  readonly runtime: RuntimeSettings;
  readonly pulls: PullRules;
  readonly crashLoopRules: CrashLoopRules;
  readonly cgroups: CgroupLayout;
  readonly rootDir: string;
  /** `resolv.conf` of the node, for pods that are to have it. */
  readonly resolvConf: string;
}

/**
 * What a kubelet would do about a pod, in the given state of its node: its next steps, in order, with
 * the reason for each, and the calls to the container runtime that it would send. The steps are
 * planned and carried out by the very code that runs pods, on a runtime that only takes notes: no
 * runtime, no cluster, no file and no right is needed.
 */
export async function explainPod(
  pod: Pod,
  state: PodState,
  settings: ExplainSettings,
): Promise<PodExplanation> {
  const notes: string[] = [];
  const events = noteEvents(notes);
  const clock = stoppedClock(state.nowMs);
  const { calls, runtime: cri, images } = createImaginaryRuntime(pod, state);
  const runtime = createPodRuntime(
    imaginaryPorts(state, settings, { cri, images, events, clock }),
    settings.runtime,
    settings.pulls,
  );
  const { crashLoopRules } = settings;
  const plan = planPod(pod, state.seen, {
    nowMs: state.nowMs,
    probes: state.probes,
    crashLoopRules,
    crashLoops: crashLoopMemory(pod, state.backOffMs, state.nowMs),
  });
  const { signal } = new AbortController();
  const sandboxGate = new Gate(1);
  const ignore = (): undefined => undefined;
  const memory = { noteStart: ignore, noteOutcome: ignore, noteRemoval: ignore };
  let seen = state.seen;
  const actions: ExplainedAction[] = [];
  for (const action of plan) {
    const context = { pod, seen, runtime, events, sandboxGate, memory, log: SILENT_LOGGER };
    const failure = await executePlan([action], context, signal).then(
      ([first]) => first,
      (error: unknown) => error as Error,
    );
    actions.push({
      action,
      calls: calls.splice(0),
      events: notes.splice(0),
      ...(failure !== undefined && { failure: failure.message }),
    });
    if (failure !== undefined && action.kind === 'create-sandbox') break;
    if (action.kind === 'create-sandbox') seen = withNewSandbox(pod, state, action.attempt);
  }
  const identity = { namespace: podNamespace(pod), name: podName(pod), uid: podUid(pod) };
  return { pod: identity, actions };
}

function withNewSandbox(
  pod: Pod,
  { seen, nextIps, nowMs }: PodState,
  attempt: number,
): PodObservation {
  const network = isHostNetwork(pod) ? 'node' : 'pod';
  const made = {
    id: NEW_SANDBOX,
    attempt,
    ready: true,
    createdAtMs: nowMs,
    network,
    ips: nextIps,
  } as const;
  return { ...seen, sandboxes: [made, ...seen.sandboxes], podIps: nextIps };
}

/** A directory's name is the PersistentVolume's, which is in no state of a pod: the pod's name stands for it. */
function claimedPlace(rootDir: string): ClaimedVolumes['placeOf'] {
  return (uid, volume) => ({
    hostPath: `${rootDir}/pods/${uid}/volumes/kubernetes.io~csi/${volume}/mount`,
    readOnly: false,
    managed: true,
  });
}

function imaginaryPorts(
  state: PodState,
  settings: ExplainSettings,
  { cri, images, events, clock }: Pick<PodRuntimePorts, 'cri' | 'images' | 'events' | 'clock'>,
): PodRuntimePorts {
  const { rootDir, cgroups: layout } = settings;
  return {
    ...{ cri, images, events, clock },
    changes: UNSEEN,
    client: { get: notInTheState } as Pick<KubeClient, 'get'>,
    files: imaginaryFiles(settings),
    volumes: createContainerVolumes({
      rootDir,
      subPaths: { bind: async () => undefined, read: noFiles },
      claimed: { placeOf: claimedPlace(rootDir) },
    }),
    objects: objectsOf(state),
    credentials: { forImage: async () => [] },
    cgroups: {
      ensure: async () => undefined,
      fit: () => Promise.resolve(),
      parentOf: (pod) => cgroupPath(podNames(layout, qosClass(pod), podUid(pod)), layout.driver),
      limits: async () => undefined,
      wanted: () => ({}),
      setLimits: async () => undefined,
      memoryUsage: async () => undefined,
    },
    surroundings: {
      node: () => ({ hostIps: state.hostIps, allocatable: state.allocatable }),
      services: () => [],
    },
    call: async () => 'answered',
    log: SILENT_LOGGER,
  };
}

/** Nobody observes this runtime, so there is no memory to keep right. */
const UNSEEN: PodChanges = {
  making: (_, act) => act(),
  ending: (_, act) => act(),
  forget: () => undefined,
};

function noFiles(): Promise<never> {
  return Promise.reject(new Error('the state knows no files of volumes'));
}

function notInTheState(): Promise<never> {
  const text = 'the state knows no objects of the API but config maps and secrets';
  return Promise.reject(new KubeError('KUBE_NOT_FOUND', text));
}

function objectsOf({ configMaps, secrets }: PodState): ObjectSource {
  return {
    configMap: async (_, name) => {
      const data = configMaps.get(name);
      return data && { metadata: { name }, data: { ...data } };
    },
    secret: async (_, name) => {
      const data = secrets.get(name);
      if (data === undefined) return undefined;
      const encoded = Object.entries(data).map(
        ([key, text]) => [key, Buffer.from(text).toString('base64')] as const,
      );
      return { metadata: { name }, data: Object.fromEntries(encoded) };
    },
  };
}

/** Names of files as they would be; where the real one is made up by chance, a fixed one stands. */
function imaginaryFiles({ rootDir, resolvConf }: ExplainSettings): PodFiles {
  return {
    makeDirectory: async () => 'new',
    names: async () => [],
    createMessageFile: async (uid, container) =>
      `${rootDir}/pods/${uid}/containers/${container}/00000000`,
    writeHostsFile: async (uid) => `${rootDir}/pods/${uid}/etc-hosts`,
    hostsOfHost: async () => '',
    resolvConf: async () => resolvConf,
    readTail: async () => '',
    linkLog: async () => undefined,
    removeLogs: async () => undefined,
    removeEmptyLogs: async () => undefined,
  };
}

function noteEvents(notes: string[]): PodEvents {
  const record =
    (type: string) =>
    (_pod: Pod, reason: string, message: string, container?: string): void => {
      notes.push(`${[type, reason, container].filter(Boolean).join(' ')}: ${message}`);
    };
  return { normal: record('Normal'), warning: record('Warning') };
}

const NEXT_TURN = Promise.resolve();

/** Time stands still; whoever sleeps is woken when nobody else has anything left to do. */
function stoppedClock(nowMs: number): Clock {
  return {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    sleep: async (_, signal) => {
      for (let turn = 0; turn < 500 && !signal.aborted; turn += 1) await NEXT_TURN;
      return signal.aborted ? 'aborted' : 'elapsed';
    },
  };
}
