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
import { type ClaimedVolumes, claimNameOf, type ObjectSource } from '../../volumes/index.js';
import { createContainerVolumes } from '../../volumes/run/index.js';
import { crashLoopMemory, type CrashLoopRules, planPod } from '../../workers/index.js';
import { executePlan, Gate } from '../../workers/run/index.js';
import type { ExplainedAction, PodExplanation, PodState } from '../model/explanation.js';
import { createImaginaryRuntime, NEW_SANDBOX } from './imaginary-runtime.js';

/** The node's settings on which a pod's plan depends. */
export interface ExplainSettings {
  readonly runtime: RuntimeSettings;
  readonly pulls: PullRules;
  readonly crashLoopRules: CrashLoopRules;
  readonly cgroups: CgroupLayout;
  readonly rootDir: string;
  /** The node's `resolv.conf`, for pods that use it. */
  readonly resolvConf: string;
}

/**
 * Explains how a kubelet would act on a pod in the given state of its node: the next steps in
 * order, each with its reason and its calls to the container runtime. The code that runs pods plans
 * and executes these steps, on a runtime that only records its calls. So this needs no runtime,
 * cluster, file or privilege.
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
    imaginaryPorts(pod, state, settings, { cri, images, events, clock }),
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

/** Directories and links are named after the PersistentVolume, or after an inline volume. */
function claimedPlaces(
  pod: Pod,
  { claims }: PodState,
  rootDir: string,
): Pick<ClaimedVolumes, 'deviceOf' | 'groupsOf' | 'placeOf'> {
  const nameOf = (volume: string): string => {
    const found = pod.spec?.volumes?.find(({ name }) => name === volume);
    const claim = found === undefined ? undefined : claimNameOf(pod, found);
    return (claim === undefined ? undefined : claims.get(claim)) ?? volume;
  };
  return {
    // The state has the names of PersistentVolumes only.
    groupsOf: () => [],
    placeOf: (uid, volume) => ({
      hostPath: `${rootDir}/pods/${uid}/volumes/kubernetes.io~csi/${nameOf(volume)}/mount`,
      readOnly: false,
      managed: true,
    }),
    deviceOf: (uid, volume) => ({
      hostPath: `${rootDir}/pods/${uid}/volumeDevices/kubernetes.io~csi/${nameOf(volume)}`,
      readOnly: false,
    }),
  };
}

function imaginaryPorts(
  pod: Pod,
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
      claimed: claimedPlaces(pod, state, rootDir),
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

/** Nothing observes this runtime, so there is no cached view to update. */
const UNSEEN: PodChanges = {
  making: (_, act) => act(),
  ending: (_, act) => act(),
  forget: () => undefined,
};

function noFiles(): Promise<never> {
  return Promise.reject(new Error('the state contains no files of volumes'));
}

function notInTheState(): Promise<never> {
  const text = 'of the API’s objects, the state contains only config maps and secrets';
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

/** File names as the kubelet would choose them; a fixed name replaces a random one. */
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

/** A clock that stands still: sleepers wake when nothing else is left to do. */
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
