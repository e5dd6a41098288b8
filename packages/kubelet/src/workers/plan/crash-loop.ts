import { type BackoffState, formatGoDuration, nextBackoff } from '@nodeagent/base';
import type { Container, Pod } from '@nodeagent/kube-client';

import { allContainers, type PodAction, podLabel, type PodObservation } from '../../pod/index.js';

/**
 * A worker's memory of its containers' restarts. A restart of the kubelet loses it, and so resets
 * the back-offs.
 */
export type CrashLoops = ReadonlyMap<string, BackoffState>;

export const NO_CRASH_LOOPS: CrashLoops = new Map();

/** Delays before a container that has ended is started again; doubled each time. */
export interface CrashLoopRules {
  readonly initialMs: number;
  /** The longest delay. A container that runs twice this long starts from `initialMs` again. */
  readonly maxMs: number;
}

/** @see Kubernetes 1.36 pkg/kubelet/kubelet.go, MaxContainerBackOff and backOffPeriod */
export const DEFAULT_CRASH_LOOP_RULES: CrashLoopRules = { initialMs: 10_000, maxMs: 300_000 };

/** Rebuilds the memory from the delays in force, by container name. */
export function crashLoopMemory(
  pod: Pod,
  delaysMs: ReadonlyMap<string, number>,
  nowMs: number,
): CrashLoops {
  return new Map(
    allContainers(pod).flatMap(({ spec }) => {
      const delayMs = delaysMs.get(spec.name);
      return delayMs === undefined ? [] : [[keyOf(spec), { delayMs, sinceMs: nowMs }] as const];
    }),
  );
}

/** The time at which the newest finished run of the container ended. */
function lastFinishMs(seen: PodObservation, name: string): number | undefined {
  for (const { name: other, state } of seen.containers) {
    if (other === name && state.kind === 'exited') return state.finishedAtMs;
  }
  return undefined;
}

/** A changed container starts without a history. */
function keyOf(container: Container): string {
  return JSON.stringify([container.name, container.image, container.resources]);
}

function memoryOf(
  loops: CrashLoops,
  container: Container,
  times: { finishedAtMs: number; rules: CrashLoopRules },
): BackoffState | undefined {
  const state = loops.get(keyOf(container));
  if (state === undefined) return undefined;
  return times.finishedAtMs - state.sinceMs > 2 * times.rules.maxMs ? undefined : state;
}

export interface CrashLoopContext {
  readonly crashLoops: CrashLoops;
  readonly crashLoopRules: CrashLoopRules;
  readonly nowMs: number;
}

/**
 * Returns a hold if the container's last run ended less than the current delay ago.
 *
 * @see Kubernetes 1.36 pkg/kubelet/kuberuntime/kuberuntime_manager.go, doBackOff
 */
export function holdForCrashLoop(
  subject: Readonly<{ pod: Pod; container: Container; seen: PodObservation }>,
  context: CrashLoopContext,
): Extract<PodAction, { kind: 'hold-container' }> | undefined {
  const { pod, container, seen } = subject;
  const finishedAtMs = lastFinishMs(seen, container.name);
  if (finishedAtMs === undefined) return undefined;
  const rules = context.crashLoopRules;
  const state = memoryOf(context.crashLoops, container, { finishedAtMs, rules });
  if (state === undefined || context.nowMs - finishedAtMs >= state.delayMs) return undefined;
  const delay = formatGoDuration(state.delayMs);
  return {
    kind: 'hold-container',
    name: container.name,
    untilMs: finishedAtMs + state.delayMs,
    delayMs: state.delayMs,
    why: `back-off ${delay} restarting failed container=${container.name} pod=${podLabel(pod)}`,
  };
}

/**
 * The memory after an attempt to start the container. The first restart is immediate; later ones
 * wait 10 s, 20 s, 40 s … after the end of the previous run.
 */
export function afterStart(
  container: Container,
  seen: PodObservation,
  context: CrashLoopContext,
): CrashLoops {
  const finishedAtMs = lastFinishMs(seen, container.name);
  if (finishedAtMs === undefined) return context.crashLoops;
  const rules = context.crashLoopRules;
  const state = memoryOf(context.crashLoops, container, { finishedAtMs, rules });
  return new Map(context.crashLoops).set(
    keyOf(container),
    nextBackoff(state, rules, context.nowMs),
  );
}
